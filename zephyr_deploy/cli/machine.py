"""Options that say which machine is meant and how it is trusted, shared by the commands that reach one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from zephyr_deploy.errors import UsageError

if TYPE_CHECKING:
    from zephyr_deploy.node.hostkeys import Trust

MACHINE = "Machine"

HostsOpt = Annotated[
    list[str] | None,
    typer.Option(help="Host to reach by SSH, as [user@]host[:port]; again for several.", rich_help_panel=MACHINE),
]
GatewayOpt = Annotated[
    str | None,
    typer.Option(
        help="Host of its own for the gateway in front of the others; it needs no GPU.", rich_help_panel=MACHINE
    ),
]
UserOpt = Annotated[str | None, typer.Option(help="User to log in as.", rich_help_panel=MACHINE)]
SshPortOpt = Annotated[int | None, typer.Option(help="Port of its SSH server.", rich_help_panel=MACHINE)]
IdentityOpt = Annotated[str | None, typer.Option(help="Private key to log in with.", rich_help_panel=MACHINE)]
HostKeyOpt = Annotated[
    str | None,
    typer.Option(help="Accept the host key with this fingerprint, SHA256:..., and pin it.", rich_help_panel=MACHINE),
]
FirstUseOpt = Annotated[
    bool,
    typer.Option(
        "--trust-on-first-use", help="Accept the key of a host that nobody knows yet.", rich_help_panel=MACHINE
    ),
]


def machine_flags(
    hosts: list[str] | None, gateway: str | None, user: str | None, ssh_port: int | None, identity: str | None
) -> dict[str, object]:
    """These options as settings; a host without a provider means provider ssh."""
    where: dict[str, object] = {}
    if hosts:
        where = {"machine.host": hosts[0], "machine.hosts": tuple(hosts[1:])}
    where["machine.gateway"] = gateway
    return {**where, "machine.user": user, "machine.ssh_port": ssh_port, "machine.identity": identity}


def trust_of(fingerprint: str | None, *, first_use: bool) -> Trust:
    """What may make a pin.

    Raises:
        UsageError: the fingerprint is none.
    """
    import re

    from zephyr_deploy.node.hostkeys import FINGERPRINT, Trust

    if fingerprint is not None and not re.match(FINGERPRINT, fingerprint):
        hint = "ssh-keyscan HOST | ssh-keygen -lf -, or the host's console, shows it."
        raise UsageError(f"--host-key {fingerprint} is no fingerprint such as SHA256:...", hint=hint)
    return Trust(fingerprint=fingerprint, first_use=first_use)
