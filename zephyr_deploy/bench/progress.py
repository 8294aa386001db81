"""Tells once a second how far a level is: rate, failures, time to first token so far, and how long it will take."""

from __future__ import annotations

import asyncio
from bisect import insort
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from zephyr_deploy.bench.times import ttft_ms

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from zephyr_deploy.bench.load.board import Board
    from zephyr_deploy.bench.load.plan import Course
    from zephyr_deploy.bench.sample import Sample
    from zephyr_deploy.events import PhaseHandle

EVERY_S = 1.0
NS_PER_S = 1e9
MOST_SEEN = 1000
"""Requests of which the time to first token so far is the median: enough for a line that only says how it goes."""


@asynccontextmanager
async def told(board: Board, course: Course, phase: PhaseHandle) -> AsyncIterator[None]:
    """Tell of the level while the body runs, and how it ended."""
    line = Line(board, course)

    async def tick() -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            line.tell(phase)

    ticking = asyncio.create_task(tick())
    try:
        yield
    finally:
        ticking.cancel()
        await asyncio.gather(ticking, return_exceptions=True)
        line.tell(phase)


class Line:
    """What there is to say of a level that runs; looks at each request once."""

    def __init__(self, board: Board, course: Course) -> None:
        self._board, self._course = board, course
        self._began_ns = board.clock.now_ns()
        self._waiting: list[Sample] = []
        self._seen = 0
        self._ttfts: list[float] = []

    def tell(self, phase: PhaseHandle) -> None:
        """Report the progress of ``phase``: requests of those that there will be, or seconds."""
        passed = (self._board.clock.now_ns() - self._began_ns) / NS_PER_S
        done, unit = self._board.done, "requests"
        total: float | None = self._course.total
        if total is None and self._course.seconds is not None:
            phase.progress(min(passed, self._course.seconds), self._course.seconds, "seconds", self.words(passed))
        else:
            phase.progress(done, total, unit, self.words(passed))

    def words(self, passed: float) -> str:
        """In a few words, ``passed`` seconds after the level began."""
        return ", ".join(self._parts(passed))

    def _parts(self, passed: float) -> Iterator[str]:
        board = self._board
        if passed > 0:
            yield f"{board.done / passed:.3g} requests/s"
        if board.failed:
            yield f"{board.failed} failed"
        self._look()
        if self._ttfts:
            yield f"TTFT {self._ttfts[len(self._ttfts) // 2]:.3g} ms"
        left = self._left(passed)
        if left is not None and left >= 1:
            yield f"{left:.0f} s left"

    def _left(self, passed: float) -> float | None:
        course, done = self._course, self._board.done
        if course.starts_ns is not None:
            return (course.starts_ns[-1] / NS_PER_S if course.starts_ns else 0.0) - passed
        if course.seconds is not None:
            return course.seconds - passed
        return None if not done or course.total is None else (course.total - done) * passed / done

    def _look(self) -> None:
        """Answers are decoded some time after they are over, so that some are looked for again."""
        if len(self._ttfts) >= MOST_SEEN:
            return
        self._waiting += self._board.samples[self._seen :]
        self._seen = len(self._board.samples)
        self._waiting = [sample for sample in self._waiting if not self._take(sample)]

    def _take(self, sample: Sample) -> bool:
        if sample.ended_ns and sample.failure is None and (found := ttft_ms(sample)) is not None:
            insort(self._ttfts, found)
            return True
        return sample.failure is not None
