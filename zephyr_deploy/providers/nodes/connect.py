"""Opens the connection to a deployment's machine, with the deployment's own pins."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from zephyr_deploy.errors import CredentialsError, UnreachableError
from zephyr_deploy.node.address import SSH_PORT, known_name
from zephyr_deploy.node.hostkeys import HostKeys, Trust, alias_of
from zephyr_deploy.node.knownhosts import PinFile
from zephyr_deploy.node.route import resolve
from zephyr_deploy.paths import deployment_dir, private_dir

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from zephyr_deploy.node.address import NodeAddress
    from zephyr_deploy.node.connection import NodeConnection
    from zephyr_deploy.node.hostkeys import Pinned
    from zephyr_deploy.node.knownhosts import HostKey
    from zephyr_deploy.providers.nodes.record import NodesRecord

CONNECT_S = 20.0
NOTED_S = 10.0
"""A machine that was reached before answers soon, or not now; who asks how all are should not wait long for one."""


def pin_file(name: str) -> Path:
    """The deployment's own ``known_hosts``."""
    return deployment_dir(name) / "known_hosts"


def alias_for(name: str, address: NodeAddress, *, several: bool) -> str:
    """What ssh calls a machine of the deployment, whatever its address is; with several, host and port tell which."""
    if not several:
        return alias_of(name)
    host, port = address.place
    place = host if port == SSH_PORT else f"{host}:{port}"
    return f"{alias_of(name)}-{re.sub('[^a-z0-9]+', '-', place).strip('-')}"


def connect(
    name: str,
    address: NodeAddress,
    trust: Trust | None = None,
    *,
    several: bool = False,
    on_pinned: Callable[[Pinned], None] | None = None,
    deadline_s: float | None = None,
) -> NodeConnection:
    """Connect to one machine of deployment ``name``; ``several`` says whether it has others.

    Args:
        name: Of the deployment, whose pins hold.
        address: Of the machine.
        trust: What may make a pin; None: what the user's own ssh knows.
        several: Whether the deployment has other machines.
        on_pinned: Hears of a new pin.
        deadline_s: Longest wait, in seconds; None: `CONNECT_S`.

    Raises:
        HostKeyError: it shows another key than the pinned one, or one that nobody knows.
        CredentialsError: no key of yours is accepted.
        UnreachableError: it does not answer.
    """
    from zephyr_deploy.node.connection import NodeConnection

    private_dir(deployment_dir(name))
    given = {} if on_pinned is None else {"on_pinned": on_pinned}
    allowed = (trust or Trust()).at(*address.place)
    keys = HostKeys(pin_file(name), alias_for(name, address, several=several), allowed, **given)
    return NodeConnection.open(resolve(address), keys, deadline_s=deadline_s or CONNECT_S)


def connect_noted(record: NodesRecord, address: NodeAddress) -> NodeConnection:
    """Connect to one of the machines that a note names; as `connect`; see `trust_in` for what may make a pin."""
    with hinting(record):
        return connect(record.name, address, trust_in(record), several=record.several, deadline_s=NOTED_S)


@contextmanager
def hinting(record: NodesRecord) -> Iterator[None]:
    """Say of a cloud's machine that cannot be reached how one learns whether it is still there."""
    try:
        yield
    except (UnreachableError, CredentialsError) as error:
        if not record.host_key:
            raise
        hint = (
            f"`zephyr-deploy status {record.name}` asks its cloud whether it is still there; "
            f"`zephyr-deploy up {record.name}` lets this machine in from its present address, or makes another."
        )
        raise type(error)(error.message, hint=hint, details=error.details) from error


def pin(name: str, address: NodeAddress, key: HostKey) -> None:
    """Hold the only machine of deployment ``name`` to this host key, which its cloud shows."""
    host, port = address.place
    private_dir(deployment_dir(name))
    PinFile(pin_file(name)).pin(key, alias_of(name), known_name(host, port))


def trust_in(record: NodesRecord) -> Trust | None:
    """What may make a pin on the machine of a note: the key that its cloud vouches for; None: nothing may."""
    return Trust(fingerprint=record.host_key) if record.host_key else None
