"""Stop sequences in a text that grows."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class Stops:
    """Finds the stop sequence that ends an answer.

    Streams look for it here and not in llama.cpp, which holds text back while a stop sequence may be on its way and
    never sends it if a limit ends the answer meanwhile.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(stops)
        self._longest = max(map(len, self._stops), default=0)

    def end(self, text: str, *, new: int) -> int | None:
        """Where the answer ends: after the first stop sequence in it; None: it goes on.

        Args:
            text: The answer so far.
            new: How many of its characters have come since the last look.
        """
        start = max(0, len(text) - new - self._longest + 1)
        found = [(at, stop) for stop in self._stops if (at := text.find(stop, start)) >= 0]
        if not found:
            return None
        at, stop = min(found, key=lambda place: place[0])  # of two at one place the first asked for, as in llama.cpp
        return at + len(stop)
