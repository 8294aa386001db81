"""`calibrate`: a minute of probes of a running engine, and the constants of its card and engine that they mean."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from zephyr_deploy.bench.probes import run_probes
from zephyr_deploy.bench.roundtrip import round_trip_ms
from zephyr_deploy.deploy.calibrations import calibration_of, keep_points
from zephyr_deploy.deploy.find import service_of
from zephyr_deploy.deploy.reach import reached
from zephyr_deploy.deploy.served import what_serves
from zephyr_deploy.deploy.status import status
from zephyr_deploy.errors import ConfigError, LockedError, UnhealthyError
from zephyr_deploy.events import silent
from zephyr_deploy.plan.learned import Compared, Learned, Refused, learn, refusals
from zephyr_deploy.plan.served import Served
from zephyr_deploy.plan.speed.correction import Correction
from zephyr_deploy.spec.base import Frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zephyr_deploy.deploy.served import Running
    from zephyr_deploy.events import Listener
    from zephyr_deploy.plan.speed.measured import Point


class CalibrateResult(Frozen):
    """What `calibrate` found."""

    name: str
    served: Served
    at: datetime
    network_ms: float
    """The way to the endpoint and back, which was taken off the times to the first token."""
    compared: tuple[Compared, ...]
    """What was measured, beside what was predicted before and is predicted now."""
    correction: Correction
    """Of the constants, by all that was measured of such a setup."""
    refused: tuple[Refused, ...] = ()
    """What was measured and cannot be."""
    stopped: bool = False
    """Whether it was interrupted before all was measured."""
    notes: tuple[str, ...] = ()


def calibrate(name: str | None = None, listener: Listener = silent, *, anyway: bool = False) -> CalibrateResult:
    """Measure the engine of a deployment, and keep what was found for the next plan; an interrupt ends it early.

    Args:
        name: Of the deployment; None: the only one there is.
        listener: Is told of each probe.
        anyway: Measure also while others use it.

    Raises:
        ConfigError: it runs on no GPU; several machines share its requests; nobody knows its model or its card.
        LockedError: others use it.
        NotDeployedError, UnhealthyError, UnreachableError: it does not serve, or cannot be reached.
        KeyboardInterrupt: nothing was measured before it.
    """
    running = _on_a_card(name)
    if not anyway:
        _require_idle(running.name)
    at, limits = datetime.now(timezone.utc), running.serving
    with reached(running.name) as endpoint:
        network_ms = round_trip_ms(endpoint)
        probed = run_probes(endpoint, listener, total_tokens=limits.total_tokens, requests=limits.requests)
    seen = tuple(point.without_network(network_ms) for point in probed.points)
    refused = refusals(running.setup, seen)
    points = tuple(point for point in seen if not any(point == one.point for one in refused))
    known = calibration_of(running.served.key)
    same = known if known and known.served.image == running.served.image else None
    before = _solved(running, same.points).correction if same else None
    kept = keep_points(running.served, running.name, points, at)
    if kept is None:
        why = refused[0].why if refused else "too few requests were answered"
        raise UnhealthyError(f"the probes of {running.name} tell nothing: {why}", hint="zephyr-deploy logs")
    learned = _solved(running, kept.points, source=kept.source, before=before)
    return CalibrateResult(
        name=running.name,
        served=running.served,
        at=at,
        network_ms=network_ms,
        compared=tuple(one for one in learned.compared if one.point in points),
        correction=learned.correction,
        refused=refused,
        stopped=probed.stopped,
        notes=probed.notes,
    )


def _solved(
    running: Running, points: Sequence[Point], *, source: str = "", before: Correction | None = None
) -> Learned:
    how = {"prefill_tokens": running.served.prefill_tokens}
    return learn(running.setup, points, source=source, before=before, **how)


def _on_a_card(name: str | None) -> Running:
    """What serves there.

    Raises:
        ConfigError: nothing that could be calibrated.
    """
    service = service_of(name)
    if service.host is None:
        message = f"{service.name} runs on this machine's processor: there is no GPU to calibrate"
        raise ConfigError(message, hint="Calibrate a deployment on a machine with a GPU: zephyr-deploy ls")
    running = what_serves(service.name)
    if running is None:
        message = f"{service.name} cannot be calibrated: its release does not say what it serves on which GPU"
        raise ConfigError(message, hint=f"Bring it up again with this version: zephyr-deploy up {service.name}")
    if running.machines > 1:
        message = f"{running.machines} machines share the requests of {service.name}"
        raise ConfigError(message, hint="Calibrate a deployment on one machine; the plan is by machine.")
    return running


def _require_idle(name: str) -> None:
    """See that nobody else's requests would be measured along.

    Raises:
        LockedError: there are some.
    """
    for machine in status(name).machines:
        running, queued = machine.figures.running or 0, machine.figures.queued or 0
        if running or queued:
            message = f"{name} is in use: {running:.0f} requests run and {queued:.0f} wait"
            raise LockedError(message, hint="Wait until it is idle, or measure beside them: --anyway")
