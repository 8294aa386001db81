"""``zephyr-deploy doctor``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from zephyr_deploy.cli.lock import pinned
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
from zephyr_deploy.cli.wish import GpuOpt, RegionOpt

if TYPE_CHECKING:
    from zephyr_deploy.deploy.results import Check
    from zephyr_deploy.spec.deployment import Deployment

CONFIGURATION, CREDENTIALS = 3, 4


@verb(
    panel=FIX,
    examples=[
        ("zephyr-deploy doctor", "What stands in the way on this machine, and how to mend it"),
        ("zephyr-deploy doctor --host gpu1 --user ubuntu", "The same for a machine of yours, seen from there"),
        ("zephyr-deploy doctor --provider aws --gpu l4", "Credentials, permissions and quota of a cloud's account"),
        ("zephyr-deploy doctor --output json", "As JSON"),
    ],
)
def doctor(
    session: Session,
    *,
    provider: Annotated[
        str | None, typer.Option(help="What to check: local, ssh, or the account of a cloud: aws or e2e.")
    ] = None,
    gpu: GpuOpt = None,
    region: RegionOpt = None,
    host: HostsOpt = None,
    gateway: GatewayOpt = None,
    user: UserOpt = None,
    ssh_port: SshPortOpt = None,
    identity: IdentityOpt = None,
    host_key: HostKeyOpt = None,
    trust_on_first_use: FirstUseOpt = False,
) -> None:
    """Check this machine, hosts or a cloud's account, and say how to mend what is missing.

    The exit code is 4 where credentials, permissions or a quota of an account stand in the way, and 3 for all else.
    """
    from zephyr_deploy.providers.registry import CLOUDS

    flags = {
        "provider": provider,
        "machine.gpu": gpu,
        "machine.region": region,
        **machine_flags(host, gateway, user, ssh_port, identity),
    }
    if host or provider == "ssh":
        checks = _of_hosts(session, flags, host_key, first_use=trust_on_first_use)
    elif provider in CLOUDS:
        checks = _of_account(session.load(flags).deployment)
    else:
        checks = [*_here(), *_of_settings(session, flags)]
    failed = [check for check in checks if check.verdict == "failed"]
    several = len({check.host for check in checks}) > 1
    rows = [
        (*((check.host or "here",) if several else ()), check.verdict, check.name, check.detail, check.fix)
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
        raise typer.Exit(CREDENTIALS if any(check.denied for check in failed) else CONFIGURATION)


def _here() -> list[Check]:
    from zephyr_deploy.deploy import doctor as verbs

    return verbs.doctor()


def _of_settings(session: Session, flags: dict[str, object]) -> list[Check]:
    """What the user's settings are found to need: an account, where they name a cloud."""
    from zephyr_deploy.deploy.results import Check
    from zephyr_deploy.errors import ConfigError
    from zephyr_deploy.providers.registry import CLOUDS

    try:
        deployment = session.load(flags).deployment
    except ConfigError as error:
        fix = error.hint or "zephyr-deploy config show --origin"
        return [Check(name="settings", verdict="failed", detail=error.message, fix=fix)]
    return _of_account(deployment) if deployment.provider in CLOUDS else []


def _of_account(deployment: Deployment) -> list[Check]:
    from zephyr_deploy.deploy.doctor_account import doctor_account
    from zephyr_deploy.providers.registry import cloud

    return doctor_account(cloud(deployment.provider), deployment)


def _of_hosts(session: Session, flags: dict[str, object], host_key: str | None, *, first_use: bool) -> list[Check]:
    from zephyr_deploy.deploy.doctor_node import doctor_nodes
    from zephyr_deploy.providers.ssh.provider import SshProvider

    loaded = session.load({"provider": "ssh", **flags})
    deployment, provider = loaded.deployment, SshProvider()
    trust = pinned(trust_of(host_key, first_use=first_use), loaded)
    return doctor_nodes(deployment, provider.nodes(deployment), trust, gateway=provider.gateway(deployment))
