"""Asks an endpoint what a gate wants to know: whether every route answers, and how fast."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from zephyr_deploy.bench.run import bench
from zephyr_deploy.deploy.from_node import from_node
from zephyr_deploy.deploy.reach import tunnelled
from zephyr_deploy.endpoint.smoke import smoke
from zephyr_deploy.errors import NotDeployedError
from zephyr_deploy.events import PhaseProgress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zephyr_deploy.bench.report import BenchReport
    from zephyr_deploy.deploy.fleet import Fleet
    from zephyr_deploy.deploy.gate.wish import Gating
    from zephyr_deploy.endpoint.smoke import SmokeReport
    from zephyr_deploy.endpoint.types import Endpoint
    from zephyr_deploy.events import Event, Listener, PhaseHandle, Phases


@contextmanager
def reached(fleet: Fleet) -> Iterator[Endpoint]:
    """The endpoint that the machines serve by the last look, at an address that works from here.

    Raises:
        NotDeployedError: nothing serves there.
        UnreachableError: its machine cannot be reached.
    """
    service = next(iter(fleet.services), None)
    if service is None:
        raise NotDeployedError(f"nothing of {fleet.name} serves", hint=f"zephyr-deploy status {fleet.name}")
    with tunnelled(service, at_gateway=fleet.gateway is not None) as endpoint:
        yield endpoint


def smoke_test(endpoint: Endpoint, phases: Phases) -> SmokeReport:
    """Ask every route; see `zephyr_deploy.endpoint.smoke`."""
    with phases.phase("smoke", "Ask every route") as phase:
        report = smoke(endpoint)
        failed = [check.name for check in report.checks if check.outcome == "failed"]
        phase.detail = ", ".join(failed) or f"{len(report.checks)} checks"
        phase.outcome = "done" if report.passed else "failed"
    return report


def measured(endpoint: Endpoint, gating: Gating, phases: Phases, what: str) -> BenchReport:
    """Measure as the gate says; ``what`` is measured is told.

    Raises:
        ZephyrError: nothing could be measured.
        KeyboardInterrupt: the user has ended it.
    """
    with phases.phase("measure", f"Measure {what}") as phase:
        if gating.on_node:
            with from_node(endpoint, gating.spec) as drivers:
                report = bench(endpoint, gating.spec, _passed_on(phase), drivers=drivers)
        else:
            report = bench(endpoint, gating.spec, _passed_on(phase))
        if report.interrupted:
            raise KeyboardInterrupt
    return report


def _passed_on(phase: PhaseHandle) -> Listener:
    """The progress of each level becomes that of the one phase."""

    def hear(event: Event) -> None:
        if isinstance(event, PhaseProgress):
            phase.progress(event.done, event.total, event.unit, event.detail)

    return hear


def without_records(report: BenchReport) -> BenchReport:
    """The same without its single requests, which are nearly all of its size."""
    levels = tuple(level.model_copy(update={"log": ()}) for level in report.levels)
    return report.model_copy(update={"levels": levels})
