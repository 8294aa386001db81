"""A point in time until which something may take."""

from __future__ import annotations

import time


class Deadline:
    """Counts down from ``seconds``, from the moment it is made."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    def left(self, most: float | None = None) -> float:
        """What is left in seconds, never below 0, and at most ``most``."""
        left = max(0.0, self._end - time.monotonic())
        return left if most is None else min(left, most)

    @property
    def over(self) -> bool:
        """Whether nothing is left."""
        return self.left() <= 0
