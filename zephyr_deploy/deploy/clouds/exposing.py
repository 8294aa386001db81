"""The firewall of a cloud around an exposed endpoint: as open as Caddy, and shut again with it.

How open it is meant to be is journalled before the cloud is told. Where that was cut off, or the machine shows another
endpoint than it was meant for, the next `up`, `redeploy` or `rollback` tells the cloud anew.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from zephyr_deploy.agent import ports
from zephyr_deploy.deploy.journal import Journal
from zephyr_deploy.errors import GoneError, ZephyrError
from zephyr_deploy.providers.registry import cloud as cloud_named

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zephyr_deploy.deploy.fleet import Fleet
    from zephyr_deploy.release.caddy import Exposure

WORLD = "0.0.0.0/0"
"""Nobody says from where a public authority (ACME) asks; everybody else Caddy sends to https there."""

EXPOSE = "expose"
"""Step of the journal that says how open the firewall is to be."""

Openings = dict[int, str]
"""The network that each port is open to."""


def shown(fleet: Fleet) -> Openings:
    """What is open for the endpoint that the machine shows, by the last look."""
    member = fleet.members[0]
    return _openings(member.service.tls if member.service else "", member.allowed)


def openings(exposure: Exposure) -> Openings:
    """Whom the firewall has to let in for an endpoint that is shown like this."""
    return _openings(exposure.tls, exposure.allowed)


@contextmanager
def following(fleet: Fleet, exposure: Exposure, journal: Journal, *, trusting: bool) -> Iterator[None]:
    """Have the firewall let in whom the endpoint is to be open to, while the machine is brought to show it.

    Where that fails, it is as open afterwards as what the machine shows then.

    Args:
        fleet: The machine, looked at.
        exposure: How it is to show the endpoint.
        journal: Of this run.
        trusting: Whether the firewall is left alone where the machine shows the endpoint like that already.

    Raises:
        ZephyrError: see `open_to`.
    """
    wanted, there = openings(exposure), shown(fleet)
    if wanted == there and not _in_doubt(journal, wanted):
        if wanted and not trusting:
            open_to(fleet, wanted)
        try:
            yield
        except ZephyrError:
            # Another release than the one that was to be kept: what was on trial from a run before was taken back.
            if shown(fleet) != wanted:
                _go_back(fleet, journal, wanted)
            raise
        return
    journal.intend(EXPOSE, ports=_written(wanted))
    try:
        open_to(fleet, wanted)
        yield
    except KeyboardInterrupt:
        _tell(fleet, wanted)
        raise
    except ZephyrError:
        _go_back(fleet, journal, wanted)
        raise
    _settle(journal, wanted)


def follow(fleet: Fleet, before: Openings, journal: Journal) -> None:
    """Have the firewall be as open as the endpoint that the machine shows by the last look.

    Args:
        fleet: The machine.
        before: What was open for the endpoint that it showed before.
        journal: Of this run.

    Raises:
        ZephyrError: see `open_to`.
    """
    wanted = shown(fleet)
    if wanted != before or _in_doubt(journal, wanted):
        journal.intend(EXPOSE, ports=_written(wanted))
        open_to(fleet, wanted)
        _settle(journal, wanted)


def open_to(fleet: Fleet, wanted: Openings) -> None:
    """Have the firewall let others reach these ports, and none but these beside SSH.

    Raises:
        GoneError: the machine, or its firewall, is not there.
        AuthError, UnreachableError: the cloud cannot be told.
    """
    title = "Open the firewall" if wanted else "Close the firewall"
    with fleet.phases.phase("firewall", title) as phase:
        cloud = cloud_named(fleet.provider)
        instance = next(iter(cloud.reachable(fleet.name)), None)
        if instance is None:
            hint = "Run it again in a minute: a cloud may take a while to list what it has."
            raise GoneError(f"{cloud.name} lists no machine of {fleet.name}", hint=hint)
        cloud.expose(instance, wanted)
        phase.detail = _written(wanted) or "SSH alone"


def _go_back(fleet: Fleet, journal: Journal, wanted: Openings) -> None:
    """Have the firewall go with the endpoint that the machine shows now; that of before, where it cannot be asked."""
    try:
        fleet.look()
    except ZephyrError as error:
        fleet.phases.notice(f"What the machine shows now is not known: {error.message}", warning=True)
    there = shown(fleet)
    try:
        open_to(fleet, there)
    except ZephyrError as error:
        fleet.phases.notice(f"The cloud's firewall cannot be told: {error.message}", warning=True)
        _tell(fleet, wanted)
    else:
        _settle(journal, there)


def _tell(fleet: Fleet, wanted: Openings) -> None:
    """Say that the firewall may be left as open as was meant, and until when."""
    said = f"The firewall of {fleet.name} may be open now ({_written(wanted) or 'SSH alone'})"
    fleet.phases.notice(f"{said}: `zephyr-deploy up`, `redeploy` or `down` sets that right", warning=True)


def _in_doubt(journal: Journal, wanted: Openings) -> bool:
    """Whether the journal leaves open that the firewall is as wanted: it was cut off, or was meant for another end."""
    last = next((entry for entry in reversed(journal.entries()) if entry.step == EXPOSE), None)
    return last is not None and (last.stage == "intent" or last.facts.get("ports") != _written(wanted))


def _settle(journal: Journal, wanted: Openings) -> None:
    """Write that the firewall is so; what earlier runs left open is closed with it."""
    name = journal.path.parent.name
    for entry in journal.unfinished():
        if entry.step == EXPOSE:
            Journal(name, run=entry.run).done(EXPOSE, ports=_written(wanted))


def _written(wanted: Openings) -> str:
    return ", ".join(f"port {port} to {network}" for port, network in wanted.items())


def _openings(tls: str, allowed: str) -> Openings:
    """By who vouches for the endpoint, and the network that may reach it."""
    return {port: WORLD if port == ports.HTTP else allowed for port in ports.public(tls)}
