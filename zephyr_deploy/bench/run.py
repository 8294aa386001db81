"""The benchmark itself: an endpoint and a wish become a report."""

from __future__ import annotations

import asyncio
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from zephyr_deploy import __version__
from zephyr_deploy.bench.clients import open_client
from zephyr_deploy.bench.drivers import Drivers
from zephyr_deploy.bench.interrupt import interruptible
from zephyr_deploy.bench.levels import Levels
from zephyr_deploy.bench.prompts.source import open_prompts
from zephyr_deploy.bench.wire.loop import run as on_stream_loop
from zephyr_deploy.endpoint.userinfo import without_user
from zephyr_deploy.errors import ZephyrError
from zephyr_deploy.events import Phases, silent
from zephyr_deploy.spec.secret import REDACTED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zephyr_deploy.bench.drivers import Driving
    from zephyr_deploy.bench.report import BenchReport, LevelReport
    from zephyr_deploy.bench.server.witness import Witness
    from zephyr_deploy.bench.spec import BenchSpec
    from zephyr_deploy.endpoint.types import Endpoint
    from zephyr_deploy.events import Listener


async def run(
    endpoint: Endpoint,
    spec: BenchSpec,
    listener: Listener = silent,
    *,
    witnesses: Sequence[Witness] = (),
    drivers: Driving | None = None,
) -> BenchReport:
    """Measure ``endpoint`` as ``spec`` says; failed requests are counted in the report.

    An interrupt ends it early, and so does a server that answers no more; what was measured before is reported.

    Args:
        endpoint: What is measured.
        spec: How.
        listener: Is told of each level.
        witnesses: Who watches the server meanwhile: see `zephyr_deploy.deploy.watched`.
        drivers: Who drives the load; None: this machine.

    Raises:
        ZephyrError: every request of the first warm-up failed; it is the first one's error.
        KeyboardInterrupt: it was ended before anything was measured.
    """
    started = datetime.now(timezone.utc)
    async with open_client(endpoint, spec) as client:
        prompts = await asyncio.to_thread(open_prompts, endpoint, spec)
        with interruptible() as halt:
            here = Drivers(spec, client, lambda: open_client(endpoint, spec))
            done = Levels(
                drivers or here, spec, prompts.conversations, halt=halt, phases=Phases(listener), witnesses=witnesses
            )
            try:
                await done.run()
            except ZephyrError as error:
                error.message = _clean(error.message, endpoint)
                error.args = (error.message,)
                raise
    from zephyr_deploy.bench.report import BenchReport, Target

    target = Target(
        name=endpoint.name,
        url=without_user(endpoint.url),
        engine=endpoint.engine,
        model_id=endpoint.model_id,
        release=endpoint.release,
    )
    report = BenchReport(
        tool_version=__version__,
        started_at=started,
        target=target,
        spec=spec,
        levels=tuple(done.reports),
        saturation=done.saturation,
        partial=done.partial,
        measured_from="here" if drivers is None else drivers.place,
        interrupted=bool(done.partial and halt.why()),
        prompts=prompts.facts(),
    )
    return _without_key(report, endpoint)


def _without_key(report: BenchReport, endpoint: Endpoint) -> BenchReport:
    """The report without the endpoint's key, which a server may repeat where it refuses: its words are in ours."""

    def clean(text: str) -> str:
        return _clean(text, endpoint)

    def cleaned(level: LevelReport) -> LevelReport:
        said = {kind: clean(text) for kind, text in level.error_examples.items()}
        return level.model_copy(update={"error_examples": said, "partial": clean(level.partial)})

    prompts = report.prompts and report.prompts.model_copy(
        update={"remarks": tuple(map(clean, report.prompts.remarks))}
    )
    levels = tuple(map(cleaned, report.levels))
    return report.model_copy(update={"levels": levels, "prompts": prompts, "partial": clean(report.partial)})


def _clean(text: str, endpoint: Endpoint) -> str:
    key = endpoint.api_key.get_secret_value() if endpoint.api_key else ""
    return text.replace(key, REDACTED) if key else text


def bench(
    endpoint: Endpoint,
    spec: BenchSpec,
    listener: Listener = silent,
    *,
    witnesses: Sequence[Witness] = (),
    drivers: Driving | None = None,
) -> BenchReport:
    """`run`, for callers without an event loop."""
    return on_stream_loop(run(endpoint, spec, listener, witnesses=witnesses, drivers=drivers))
