"""The benchmark itself: each level's warm-up, then its load, then its figures."""

from __future__ import annotations

import asyncio
from datetime import datetime, timezone
from math import ceil
from typing import TYPE_CHECKING

from zephyr_deploy import __version__
from zephyr_deploy.bench.clients import open_client
from zephyr_deploy.bench.figures import e2e_ms, known, level_of
from zephyr_deploy.bench.load.board import Board
from zephyr_deploy.bench.load.course import measured_course, warmup_course
from zephyr_deploy.bench.load.drive import drive
from zephyr_deploy.bench.loads import Open
from zephyr_deploy.bench.progress import told
from zephyr_deploy.bench.prompts.source import open_prompts
from zephyr_deploy.bench.prompts.traces import read_trace
from zephyr_deploy.bench.report import BenchReport, LevelReport, Target
from zephyr_deploy.bench.rest import at_rest
from zephyr_deploy.bench.selfcheck import watch_loop
from zephyr_deploy.bench.server.beside import mark, with_server
from zephyr_deploy.bench.wire.loop import run as on_stream_loop
from zephyr_deploy.events import Phases, silent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zephyr_deploy.bench.load.client import LoadClient
    from zephyr_deploy.bench.load.course import Course, Talks
    from zephyr_deploy.bench.loads import Load
    from zephyr_deploy.bench.sample import Sample
    from zephyr_deploy.bench.server.witness import Witness
    from zephyr_deploy.bench.spec import BenchSpec
    from zephyr_deploy.endpoint.types import Endpoint
    from zephyr_deploy.events import Listener, PhaseHandle

MS_PER_S = 1e3
MOST_READY = 512
"""Connections that are opened before an open loop; what more it needs is opened while it runs."""
ROOM = 1.5
"""How many more of them than the requests that will be under way, by Little's law, if all take as long as the first."""


async def run(
    endpoint: Endpoint, spec: BenchSpec, listener: Listener = silent, *, witnesses: Sequence[Witness] = ()
) -> BenchReport:
    """Measure ``endpoint`` as ``spec`` says; failed requests are counted in the report.

    Args:
        endpoint: What is measured.
        spec: How.
        listener: Is told of each level.
        witnesses: Who watches the server meanwhile: see `zephyr_deploy.deploy.watched`.

    Raises:
        ZephyrError: every request of a warm-up failed; it is the first one's error.
    """
    started = datetime.now(timezone.utc)
    phases = Phases(listener)
    levels: list[LevelReport] = []
    async with open_client(endpoint, spec) as client:
        prompts = await asyncio.to_thread(open_prompts, endpoint, spec)
        for position, load in enumerate(spec.loads):
            with phases.phase(f"bench-{position + 1}", f"Measure {load}") as phase:
                levels.append(
                    await _level(client, spec, prompts.conversations, position, load, phase=phase, witnesses=witnesses)
                )
    target = Target(**{field: getattr(endpoint, field) for field in Target.model_fields if field != "served"})
    return BenchReport(tool_version=__version__, started_at=started, target=target, spec=spec, levels=tuple(levels))


def bench(
    endpoint: Endpoint, spec: BenchSpec, listener: Listener = silent, *, witnesses: Sequence[Witness] = ()
) -> BenchReport:
    """`run`, for callers without an event loop."""
    return on_stream_loop(run(endpoint, spec, listener, witnesses=witnesses))


async def _level(
    client: LoadClient,
    spec: BenchSpec,
    talks: Talks,
    position: int,
    load: Load,
    *,
    phase: PhaseHandle,
    witnesses: Sequence[Witness],
) -> LevelReport:
    async def driven(course: Course, board: Board) -> list[Sample]:
        return await drive(course, client, board, deadline_s=spec.deadline_s, most=spec.max_in_flight)

    course = measured_course(spec, load, talks, str(position), lambda replay: read_trace(replay.file))
    warmup = await driven(warmup_course(spec, load, talks, str(position)), Board())
    _refuse_if_dead(warmup)
    await client.ready(_connections(load, warmup))
    mark(witnesses)
    board = Board()
    with at_rest():
        async with watch_loop() as watch, told(board, course, phase):
            samples = await driven(course, board)
    mark(witnesses)
    measured = [sample for sample in samples if sample.conversation >= course.warmup]
    warmup += [sample for sample in samples if sample.conversation < course.warmup]
    level = level_of(load, warmup, measured, watch, spec.price_per_hour_usd, slo=spec.slo)
    return with_server(level, min((sample.taken_ns for sample in measured), default=0), witnesses)


def _connections(load: Load, first: Sequence[Sample]) -> int:
    """How many an open loop of an even rate will need, as far as its first answers tell."""
    seconds = max(known(e2e_ms(sample) for sample in first), default=0.0) / MS_PER_S
    return min(MOST_READY, ceil(load.rate_per_s * seconds * ROOM)) if isinstance(load, Open) else 0


def _refuse_if_dead(warmup: Sequence[Sample]) -> None:
    """Raise the first failure if there was nothing else: a measurement would only repeat it, deadline by deadline."""
    failures = [sample.failure for sample in warmup if sample.failure is not None]
    if failures and len(failures) == len(warmup):
        raise failures[0]
