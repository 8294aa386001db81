"""Which part of an engine's start a line of its log belongs to."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SERVE = "serve"
"""What comes after the last stage."""


class Stages:
    """Reads a log line by line and knows the stage that it is in.

    Args:
        milestones: The stages in order, each with the pattern of the line that ends it; none: the engine tells none.
    """

    def __init__(self, milestones: Iterable[Sequence[str]]) -> None:
        self._stages = [(str(name), re.compile(pattern)) for name, pattern in milestones]
        self._at = 0

    @property
    def names(self) -> list[str]:
        """Every stage, in order."""
        return [*(name for name, _ in self._stages), SERVE] if self._stages else []

    @property
    def current(self) -> str:
        """The stage that the next line belongs to; empty where the engine tells none."""
        return self._name(self._at)

    def begin(self) -> None:
        """The engine starts anew."""
        self._at = 0

    def take(self, line: str) -> str:
        """The stage of this line. A line that ends a stage belongs to it, and ends those before it too."""
        for place in range(self._at, len(self._stages)):
            if self._stages[place][1].search(line):
                self._at = place + 1
                return self._name(place)
        return self.current

    def _name(self, place: int) -> str:
        if not self._stages:
            return ""
        return self._stages[place][0] if place < len(self._stages) else SERVE
