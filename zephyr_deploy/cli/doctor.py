"""``zephyr-deploy doctor``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from zephyr_deploy.cli.machine import (
    FirstUseOpt,
    GatewayOpt,
    HostKeyOpt,
    HostsOpt,
    IdentityOpt,
    SshPortOpt,
    UserOpt,
    machine_flags,
    trust_of,
)
from zephyr_deploy.cli.session import Session
from zephyr_deploy.cli.verb import FIX, verb

if TYPE_CHECKING:
    from zephyr_deploy.deploy.results import Check

CONFIGURATION = 3


@verb(
    panel=FIX,
    examples=[
        ("zephyr-deploy doctor", "What stands in the way on this machine, and how to mend it"),
        ("zephyr-deploy doctor --host gpu1 --user ubuntu", "The same for a machine of yours, seen from there"),
        ("zephyr-deploy doctor --output json", "As JSON"),
    ],
)
def doctor(
    session: Session,
    *,
    host: HostsOpt = None,
    gateway: GatewayOpt = None,
    user: UserOpt = None,
    ssh_port: SshPortOpt = None,
    identity: IdentityOpt = None,
    host_key: HostKeyOpt = None,
    trust_on_first_use: FirstUseOpt = False,
) -> None:
    """Check this machine, or hosts, and say how to mend what is missing; exit code 3 if something is."""
    flags = machine_flags(host, gateway, user, ssh_port, identity)
    checks = _of_hosts(session, flags, host_key, first_use=trust_on_first_use) if host else _here()
    failed = [check for check in checks if check.verdict == "failed"]
    several = len({check.host for check in checks}) > 1
    rows = [
        (*((check.host or "",) if several else ()), check.verdict, check.name, check.detail, check.fix)
        for check in checks
    ]
    columns = (*(("HOST",) if several else ()), "", "CHECK", "FOUND", "FIX")
    session.out.result(
        "doctor",
        checks,
        table=lambda: session.out.grid(columns, rows),
        quiet=(check.name for check in failed),
    )
    if failed:
        raise typer.Exit(CONFIGURATION)


def _here() -> list[Check]:
    from zephyr_deploy.deploy import doctor as verbs

    return verbs.doctor()


def _of_hosts(session: Session, flags: dict[str, object], host_key: str | None, *, first_use: bool) -> list[Check]:
    from zephyr_deploy.deploy.doctor_node import doctor_nodes
    from zephyr_deploy.providers.ssh.provider import SshProvider

    deployment = session.load({"provider": "ssh", **flags}).deployment
    provider, trust = SshProvider(), trust_of(host_key, first_use=first_use)
    return doctor_nodes(deployment, provider.nodes(deployment), trust, gateway=provider.gateway(deployment))
