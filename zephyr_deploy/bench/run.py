"""The benchmark itself: each level's warm-up, then its closed loop, then its figures."""

from __future__ import annotations

import asyncio
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from zephyr_deploy import __version__
from zephyr_deploy.bench.clients import open_client
from zephyr_deploy.bench.figures import level_of
from zephyr_deploy.bench.load import closed_loop, for_count, for_time
from zephyr_deploy.bench.loads import Closed
from zephyr_deploy.bench.prompts.synthetic import prompts
from zephyr_deploy.bench.report import BenchReport, LevelReport, Target
from zephyr_deploy.bench.rest import at_rest
from zephyr_deploy.bench.selfcheck import watch_loop
from zephyr_deploy.errors import UsageError
from zephyr_deploy.events import Phases, silent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from zephyr_deploy.bench.asks import Conversation
    from zephyr_deploy.bench.load import LoadClient
    from zephyr_deploy.bench.loads import Load
    from zephyr_deploy.bench.sample import Sample
    from zephyr_deploy.bench.spec import BenchSpec
    from zephyr_deploy.endpoint.types import Endpoint
    from zephyr_deploy.events import Listener, PhaseHandle


async def run(endpoint: Endpoint, spec: BenchSpec, listener: Listener = silent) -> BenchReport:
    """Measure ``endpoint`` as ``spec`` says; failed requests are counted in the report.

    Raises:
        ZephyrError: every request of a warm-up failed; it is the first one's error.
    """
    started = datetime.now(timezone.utc)
    phases = Phases(listener)
    levels: list[LevelReport] = []
    async with open_client(endpoint, spec) as client:
        for position, load in enumerate(spec.loads):
            with phases.phase(f"bench-{position + 1}", f"Measure {load}") as phase:
                levels.append(await _level(client, spec, position, load, phase))
    target = Target(**{field: getattr(endpoint, field) for field in Target.model_fields if field != "served"})
    return BenchReport(tool_version=__version__, started_at=started, target=target, spec=spec, levels=tuple(levels))


def bench(endpoint: Endpoint, spec: BenchSpec, listener: Listener = silent) -> BenchReport:
    """`run`, for callers without an event loop."""
    return asyncio.run(run(endpoint, spec, listener))


async def _level(client: LoadClient, spec: BenchSpec, position: int, load: Load, phase: PhaseHandle) -> LevelReport:
    if not isinstance(load, Closed):
        raise UsageError(f"{load} cannot be measured yet.", hint="zephyr-deploy bench --concurrency 4")
    workers = load.concurrency
    warmup = await closed_loop(
        client,
        for_count(_prompts(spec, f"{position}/warmup"), spec.warmup_at(workers)),
        workers=workers,
        deadline_s=spec.deadline_s,
    )
    _refuse_if_dead(warmup)
    total = spec.requests_at(workers)
    with at_rest():
        async with watch_loop() as watch:
            measured = await closed_loop(
                client,
                _jobs(spec, f"{position}/measured", total),
                workers=workers,
                deadline_s=spec.deadline_s,
                on_done=lambda done: phase.progress(done, total, "requests"),
            )
    return level_of(load, warmup, measured, watch, spec.price_per_hour_usd)


def _prompts(spec: BenchSpec, series: str) -> Iterator[Conversation]:
    return prompts(spec.seed, series, spec.prompt_tokens, spec.max_new_tokens)


def _jobs(spec: BenchSpec, series: str, total: int | None) -> Iterator[Conversation]:
    endless = _prompts(spec, series)
    if total is not None:
        return for_count(endless, total)
    return for_time(endless, spec.duration_s or 0.0)


def _refuse_if_dead(warmup: Sequence[Sample]) -> None:
    """Raise the first failure if there was nothing else: a measurement would only repeat it, deadline by deadline."""
    failures = [sample.failure for sample in warmup if sample.failure is not None]
    if failures and len(failures) == len(warmup):
        raise failures[0]
