"""Figures of a benchmark are kept with the release that they are of, on its machine, where `releases` shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zephyr_deploy.deploy.fleet import Fleet
from zephyr_deploy.deploy.origin import who
from zephyr_deploy.events import Phases
from zephyr_deploy.providers.nodes.record import record_of

if TYPE_CHECKING:
    from zephyr_deploy.bench.report import BenchReport, LevelReport

NOTE_S = 60.0


def keep(report: BenchReport) -> bool:
    """Write the figures of a deployment down where it runs; False: another release serves there by now.

    Nothing is to be written, which is True, where the endpoint is not on a machine that is noted here.

    Raises:
        UnreachableError: the machine does not answer.
        CapacityError: its disk is full.
    """
    name, release = report.target.name, report.target.release
    record = record_of(name) if release else None
    if record is None:
        return True
    request = {"name": name, "release": release, "who": who("bench"), "levels": levels_of(report)}
    with Fleet.of(record, Phases()) as fleet:
        fleet.connect(members=fleet.members[:1])
        return bool(fleet.members[0].call("measured", request, deadline_s=NOTE_S)["noted"])


def levels_of(report: BenchReport) -> list[dict[str, Any]]:
    """What is kept of a report: its levels of so many at once, or so many a second."""
    return [_level(level) for level in report.levels if level.load.kind in {"closed", "open"}]


def _level(level: LevelReport) -> dict[str, Any]:
    """The fields of `zephyr_deploy.release.history.Figures`, but for who measured and when."""
    return {
        "concurrency": level.concurrency,
        "rate_per_s": level.load.rate_per_s if level.load.kind == "open" else None,
        "requests": level.requests,
        "succeeded": level.succeeded,
        "output_tokens_per_s": level.output_tokens_per_s,
        "ttft_p50_ms": level.ttft_ms and level.ttft_ms.p50,
        "ttft_p99_ms": level.ttft_ms and level.ttft_ms.p99,
        "itl_p50_ms": level.itl_ms and level.itl_ms.p50,
    }
