"""The levels of a run: each warmed up, measured, and what ends them early."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from zephyr_deploy.bench.load.board import Board
from zephyr_deploy.bench.load.course import measured_course, warmup_course
from zephyr_deploy.bench.loads import Open
from zephyr_deploy.bench.progress import told
from zephyr_deploy.bench.server.witness import mark
from zephyr_deploy.bench.times import e2e_ms, known
from zephyr_deploy.errors import ZephyrError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zephyr_deploy.bench.drivers import Driving
    from zephyr_deploy.bench.interrupt import Halt
    from zephyr_deploy.bench.load.course import Talks
    from zephyr_deploy.bench.loads import Load, Replay, Sweep
    from zephyr_deploy.bench.prompts.traces import Arrival
    from zephyr_deploy.bench.report import LevelReport, Saturation
    from zephyr_deploy.bench.sample import Sample
    from zephyr_deploy.bench.server.witness import Witness
    from zephyr_deploy.bench.spec import BenchSpec
    from zephyr_deploy.events import PhaseHandle, Phases

MS_PER_S = 1e3
MOST_READY = 512
"""Connections that are opened before an open loop; what more it needs is opened while it runs."""
ROOM = 1.5
"""How many more of them than the requests that will be under way, by Little's law, if all take as long as the first."""


class Levels:
    """Measures one level after the other, and keeps what came of them."""

    def __init__(
        self,
        drivers: Driving,
        spec: BenchSpec,
        talks: Talks,
        *,
        halt: Halt,
        phases: Phases,
        witnesses: Sequence[Witness],
    ) -> None:
        self._drivers, self._spec, self._talks = drivers, spec, talks
        self._halt, self._phases, self._witnesses = halt, phases, witnesses
        self.reports: list[LevelReport] = []
        self.saturation: Saturation | None = None
        self.partial = ""

    async def run(self) -> None:
        """Return after the last one, or after what ended the run early.

        Raises:
            ZephyrError: every request of the first warm-up failed; it is the first one's error.
            KeyboardInterrupt: it was ended before anything was measured.
        """
        while (load := self._next()) is not None:
            position = len(self.reports)
            try:
                with self._phases.phase(f"bench-{position + 1}", f"Measure {load}") as phase:
                    level = await self._measure(str(position), load, phase)
            except ZephyrError as error:
                if not self.reports:
                    raise
                self.partial = f"{load} could not be measured: {error.message}"
                return
            self.reports += [level] if level else []
            if self._halt.why() and (level is None or level.partial or self._next() is not None):
                self.partial = f"{self._halt.why()} ended it at {load}."
                break
        if not self.reports:
            raise KeyboardInterrupt

    def _next(self) -> Load | None:
        if self._spec.sweep is None:
            return next(iter(self._spec.loads[len(self.reports) :]), None)
        return self._swept(self._spec.sweep)

    def _swept(self, sweep: Sweep) -> Load | None:
        from zephyr_deploy.bench.report import Saturation
        from zephyr_deploy.bench.sweep import next_load

        step = next_load(sweep, self.reports)
        if not isinstance(step, Saturation):
            return step
        self.saturation = step
        return None

    async def _measure(self, series: str, load: Load, phase: PhaseHandle) -> LevelReport | None:
        """Warm up and measure; None: it was ended before anything was measured."""
        spec, board = self._spec, Board()
        course = measured_course(spec, load, self._talks, series, _recorded)
        early = Board()
        with self._halt.of(early):
            warmup = await self._drivers.warm_up(warmup_course(spec, load, self._talks, series), early)
        if self._halt.why():
            return None
        _refuse_if_dead(warmup)
        mark(self._witnesses)
        with self._halt.of(board):
            async with told(board, course, phase):
                driven = await self._drivers.drive(course, board, connections=_connections(load, warmup))
        mark(self._witnesses)
        measured = [sample for sample in driven.samples if sample.conversation >= course.warmup]
        warmup += [sample for sample in driven.samples if sample.conversation < course.warmup]
        if board.stopped and not measured:
            return None
        # what only the end needs is loaded only now: the first request leaves a tenth of a second earlier
        from zephyr_deploy.bench.figures import level_of
        from zephyr_deploy.bench.server.beside import with_server

        level = level_of(load, warmup, measured, driven.watch, spec.price_per_hour_usd, slo=spec.slo)
        level = with_server(level, min((sample.taken_ns for sample in measured), default=0), self._witnesses)
        left_out = f"{board.stopped} ended it; {board.under_way} requests under way are left out."
        return level.model_copy(update={"partial": left_out if board.stopped else "", "held_back": board.held_back})


def _recorded(load: Replay) -> tuple[Arrival, ...]:
    from zephyr_deploy.bench.prompts.traces import read_trace

    return read_trace(load.file)


def _connections(load: Load, first: Sequence[Sample]) -> int:
    """How many an open loop of an even rate will need, as far as its first answers tell."""
    seconds = max(known(e2e_ms(sample) for sample in first), default=0.0) / MS_PER_S
    return min(MOST_READY, ceil(load.rate_per_s * seconds * ROOM)) if isinstance(load, Open) else 0


def _refuse_if_dead(warmup: Sequence[Sample]) -> None:
    """Raise the first failure if there was nothing else: a measurement would only repeat it, deadline by deadline."""
    failures = [sample.failure for sample in warmup if sample.failure is not None]
    if failures and len(failures) == len(warmup):
        raise failures[0]
