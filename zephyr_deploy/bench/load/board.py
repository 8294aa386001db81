"""What a level has begun and finished so far: loads write it; the live progress and an interrupt look at it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.bench.load.clock import SYSTEM
from zephyr_deploy.bench.sample import Sample

if TYPE_CHECKING:
    from collections.abc import Callable

    from zephyr_deploy.bench.load.clock import Clock


class Board:
    """The requests of one level, in the order in which they were begun."""

    def __init__(self, clock: Clock = SYSTEM) -> None:
        self.clock = clock
        self.samples: list[Sample] = []
        self.done = 0
        """Requests that are over, well or badly."""
        self.failed = 0
        self.zero_ns: int | None = None
        """When a timetable begins; None: as soon as it can."""
        self.elsewhere = 0
        """Requests that other processes have begun; the counts beside it contain them."""
        self.held_back = 0
        """Requests that were due while as many as are allowed were under way."""
        self.stopped = ""
        """Why the level is to end early; empty: it is not."""
        self._halts: list[Callable[[], None]] = []

    @property
    def under_way(self) -> int:
        """Requests that are begun and not over."""
        return len(self.samples) + self.elsewhere - self.done

    def begin(self, conversation: int, turn: int, due_ns: int | None = None, taken_ns: int | None = None) -> Sample:
        """Note that a request is taken up, now if not before."""
        taken_ns = self.clock.now_ns() if taken_ns is None else taken_ns
        sample = Sample(taken_ns, number=len(self.samples), conversation=conversation, turn=turn, due_ns=due_ns)
        self.samples.append(sample)
        return sample

    def over(self, sample: Sample) -> None:
        """Note that a request is over now."""
        sample.ended_ns = self.clock.now_ns()
        self.done += 1
        self.failed += sample.failure is not None

    def on_stop(self, halt: Callable[[], None]) -> None:
        """Have ``halt`` called when the level is to end early; at once, if it is already."""
        self._halts.append(halt)
        if self.stopped:
            halt()

    def stop(self, why: str) -> None:
        """End the level: nothing more is begun, and what is under way is broken off."""
        self.stopped = self.stopped or why
        for halt in self._halts:
            halt()

    def finished(self) -> list[Sample]:
        """Those that are over; what an early end broke off says nothing of the server."""
        return [sample for sample in self.samples if sample.ended_ns]
