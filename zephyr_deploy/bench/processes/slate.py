"""What the processes of a load tell each other while it runs: a few numbers in memory that all of them share."""

from __future__ import annotations

import mmap
import time
from enum import IntEnum

WORD = 8
WORDS = 8
"""Of a process: a cache line of its own, so that nobody waits for another's writes."""


class _Cell(IntEnum):
    """Of each process."""

    BEAT_NS = 0
    READY = 1
    BEGUN = 2
    DONE = 3
    FAILED = 4
    HELD_BACK = 5


class _Order(IntEnum):
    """Of the one that began them."""

    BEGIN_NS = 0
    STOP = 1


class Slate:
    """Each process writes into its own place, and the one that began them into another. Made before they are."""

    def __init__(self, processes: int) -> None:
        self._processes = processes
        self._cells = memoryview(mmap.mmap(-1, (processes + 1) * WORDS * WORD)).cast("Q")
        self._orders = processes * WORDS

    # Of each process.

    def beat(self, index: int) -> None:
        """Give a sign of life."""
        self._set(index, _Cell.BEAT_NS, time.perf_counter_ns())

    def silent_s(self, index: int) -> float:
        """Seconds since the last sign of life of this process."""
        return (time.perf_counter_ns() - self._cells[index * WORDS + _Cell.BEAT_NS]) / 1e9

    def ready(self, index: int) -> None:
        """Say that it can begin."""
        self._set(index, _Cell.READY, 1)

    def count(self, index: int, *, begun: int, done: int, failed: int, held_back: int) -> None:
        """Say how many requests are begun and over, how many of those failed, and how many were held back."""
        counts = {_Cell.BEGUN: begun, _Cell.DONE: done, _Cell.FAILED: failed, _Cell.HELD_BACK: held_back}
        for cell, value in counts.items():
            self._set(index, cell, value)

    # Of all of them.

    @property
    def all_ready(self) -> bool:
        """Whether every process can begin."""
        return self._sum(_Cell.READY) == self._processes

    @property
    def begun(self) -> int:
        """Requests that were begun."""
        return self._sum(_Cell.BEGUN)

    @property
    def done(self) -> int:
        """Requests that are over."""
        return self._sum(_Cell.DONE)

    @property
    def failed(self) -> int:
        """Requests that failed."""
        return self._sum(_Cell.FAILED)

    @property
    def held_back(self) -> int:
        """Requests that were due while as many as are allowed were under way."""
        return self._sum(_Cell.HELD_BACK)

    # Of the one that began them.

    @property
    def begin_ns(self) -> int:
        """When all begin, in ns of ``time.perf_counter_ns``; 0: not yet."""
        return self._cells[self._orders + _Order.BEGIN_NS]

    @begin_ns.setter
    def begin_ns(self, at_ns: int) -> None:
        self._cells[self._orders + _Order.BEGIN_NS] = at_ns

    @property
    def stopped(self) -> bool:
        """Whether all are to end early."""
        return bool(self._cells[self._orders + _Order.STOP])

    def stop(self) -> None:
        """Have all end early."""
        self._cells[self._orders + _Order.STOP] = 1

    def _set(self, index: int, cell: _Cell, value: int) -> None:
        self._cells[index * WORDS + cell] = value

    def _sum(self, cell: _Cell) -> int:
        return sum(self._cells[index * WORDS + cell] for index in range(self._processes))
