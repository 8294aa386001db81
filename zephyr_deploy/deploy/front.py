"""The part of `up` and `redeploy` that is about a gateway on a machine of its own, in front of the nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zephyr_deploy.agent import ports
from zephyr_deploy.deploy.fleet import LOOK_S
from zephyr_deploy.errors import ConfigError, UnhealthyError, UnreachableError, ZephyrError
from zephyr_deploy.release.caddy import exposure_of
from zephyr_deploy.release.front import render_front
from zephyr_deploy.release.request import front_request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zephyr_deploy.deploy.fleet import Fleet, Member
    from zephyr_deploy.deploy.journal import Journal
    from zephyr_deploy.plan.plan import Plan
    from zephyr_deploy.release.lock import LockedImage
    from zephyr_deploy.release.release import Release
    from zephyr_deploy.spec.deployment import Deployment

LOOPBACK, ANY = "127.0.0.1", "0.0.0.0"  # noqa: S104 - only to see whether it is free
EVERYBODY = "0.0.0.0/0"
"""Who may reach it has no part in which ports it takes."""


def front_ports(deployment: Deployment, host: str) -> list[tuple[str, int]]:
    """What the gateway's machine at ``host`` has to have free, as addresses and ports."""
    public = ports.public(exposure_of(deployment, host, EVERYBODY).tls)
    return [(LOOPBACK, deployment.access.port), *((ANY, port) for port in public)]


def require_places(fleet: Fleet) -> None:
    """See that each machine can be what it is to be, before anything is touched.

    Raises:
        ConfigError: one is another part of the deployment already, or a port is another program's.
    """
    gateway, hint = fleet.gateway, f"First: zephyr-deploy down {fleet.name}"
    for member in (member for member in fleet.members if member.has_python):
        if member.front is not None:
            raise ConfigError(f"{member.name} is the gateway of {fleet.name}, and no node", hint=hint)
    if gateway is None or not gateway.has_python:
        return
    if gateway.service is not None:
        raise ConfigError(f"{gateway.name} serves {fleet.name} as a node", hint=hint)
    if any(member.here == gateway.here for member in fleet.members if member.has_python and member.here):
        raise ConfigError(f"{gateway.name} is one of the hosts, by another name", hint="Leave --gateway out.")
    for port, holder in gateway.taken[:1]:
        raise ConfigError(f"port {port} of {gateway.name} is taken by {holder}", hint=ports.way_out(port))


def wanted_front(fleet: Fleet, plan: Plan, image: LockedImage) -> Release:
    """The release that the gateway's machine is to have, by the last look at the nodes."""
    return render_front(
        plan.deployment,
        image,
        caller=plan.caller,
        nodes=[member.here for member in fleet.members],
        authorities=[member.authority for member in fleet.members],
    )


def has_front(fleet: Fleet, plan: Plan, image: LockedImage) -> bool:
    """Whether gateway and nodes have what `bring_front` would bring, by the last look."""
    front = _gateway(fleet).front
    if front is None or not all(member.authority for member in fleet.members):
        return False
    admitted = all(member.admits and member.admits == front.sources.get(member.here) for member in fleet.members)
    return admitted and (front.release, front.state) == (wanted_front(fleet, plan, image).id, "ready")


def bring_front(fleet: Fleet, plan: Plan, image: LockedImage, journal: Journal, options: Mapping[str, Any]) -> bool:
    """Bring the gateway's machine to what is wanted, once the nodes serve; whether anything had to be done.

    Args:
        fleet: Its machines, as they were looked at once the nodes served.
        plan: Of the nodes.
        image: Caddy's.
        journal: For what is done.
        options: ``who``, ``lock_wait_s`` and ``stall_s`` of `zephyr_deploy.release.request.front_request`.

    Raises:
        ZephyrError: it could not be done; the nodes serve.
    """
    gateway = _gateway(fleet)
    for member in fleet.members:
        if not member.authority:
            raise UnhealthyError(f"the gateway of {member.name} has no certificate yet", hint="Run it again.")
    told = fleet.admit(_sources(gateway, [member.here for member in fleet.members]), options["who"])
    release = wanted_front(fleet, plan, image)
    if not told and gateway.front and (gateway.front.release, gateway.front.state) == (release.id, "ready"):
        return False
    journal.intend("front", release=release.id, node=gateway.name)
    try:
        gateway.call("front", front_request(fleet.name, release, **options))
    except ZephyrError as error:
        journal.failed("front", cause=error.message)
        raise
    journal.done("front", release=release.id)
    fleet.look([gateway])
    return True


def _sources(gateway: Member, nodes: list[str]) -> dict[str, str]:
    """The address of the gateway's machine that each node sees: towards another network it may be another one."""
    known = gateway.front.sources if gateway.front else {}
    if set(nodes) - set(known):
        known = gateway.call("sources", {"nodes": nodes}, deadline_s=LOOK_S)["sources"]
    for node in nodes:
        if not known[node]:
            hint = "Reach it over SSH at an address of the network that both are in."
            raise UnreachableError(f"no way leads from {gateway.name} to the node at {node}", hint=hint)
    return known


def _gateway(fleet: Fleet) -> Member:
    if fleet.gateway is None:
        raise TypeError(f"{fleet.name} has no gateway of its own")
    return fleet.gateway
