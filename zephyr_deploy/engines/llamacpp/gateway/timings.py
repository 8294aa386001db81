"""Where the time of a generation went."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Timings:
    """Where the time of one generation went, in seconds."""

    validation: float
    queue: float
    inference: float

    @property
    def total(self) -> float:
        """From arrival to the last token."""
        return self.validation + self.queue + self.inference
