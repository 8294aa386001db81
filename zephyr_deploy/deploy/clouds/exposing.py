"""The firewall of a cloud around an exposed endpoint: as open as Caddy, and shut again with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.agent import ports
from zephyr_deploy.errors import GoneError
from zephyr_deploy.providers.registry import cloud as cloud_named

if TYPE_CHECKING:
    from zephyr_deploy.deploy.fleet import Fleet
    from zephyr_deploy.release.caddy import Exposure

WORLD = "0.0.0.0/0"
"""Nobody says from where a public authority (ACME) asks; everybody else Caddy sends to https there."""

Openings = dict[int, str]
"""The network that each port is open to."""


def shown(fleet: Fleet) -> Openings:
    """What is open for the endpoint that the machine shows, by the last look."""
    member = fleet.members[0]
    return _openings(member.service.tls if member.service else "", member.allowed)


def follow(fleet: Fleet, exposure: Exposure, *, trusting: bool) -> None:
    """Have the firewall let in whom the endpoint is to be open to.

    Args:
        fleet: The machine, looked at.
        exposure: How it is to show the endpoint.
        trusting: Whether the firewall is left alone where the machine shows the endpoint like that already.

    Raises:
        ZephyrError: see `open_to`.
    """
    wanted, there = _openings(exposure.tls, exposure.allowed), shown(fleet)
    if wanted != there or (wanted and not trusting):
        open_to(fleet, wanted)


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
        phase.detail = ", ".join(f"port {port} to {network}" for port, network in wanted.items()) or "SSH alone"


def _openings(tls: str, allowed: str) -> Openings:
    """By who vouches for the endpoint, and the network that may reach it."""
    return {port: WORLD if port == ports.HTTP else allowed for port in ports.public(tls)}
