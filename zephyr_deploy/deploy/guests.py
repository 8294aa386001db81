"""This process as a guest of clouds' machines: let in for a time, and out again when it ends.

With ``ZEPHYR_GUEST=30m``, as in a CI's job, nothing is kept by which anybody could log in: the key pair is made in
memory for this process. The machine's firewall is opened for its address, with the end in the rule's own words, and the
machine is told to take the key until then by its own clock. When the process ends, both are taken back. After a kill
the private key is gone with its process, sshd refuses the public one past its end, and the next guest, or `gc`, closes
the firewall.
"""

from __future__ import annotations

import secrets
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

from zephyr_deploy.errors import CredentialsError, GoneError, HostKeyError, UnreachableError, ZephyrError
from zephyr_deploy.node.held import GUEST, guest_for
from zephyr_deploy.node.program import call
from zephyr_deploy.node.sshkey import login_key
from zephyr_deploy.providers.clouds.visits import Visit
from zephyr_deploy.providers.nodes.connect import connect, connect_noted, trust_in
from zephyr_deploy.providers.nodes.record import record_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from zephyr_deploy.node.address import NodeAddress
    from zephyr_deploy.node.connection import NodeConnection
    from zephyr_deploy.providers.clouds.contract import CloudProvider
    from zephyr_deploy.providers.clouds.types import Instance
    from zephyr_deploy.providers.nodes.record import NodesRecord

ADMIT_S = 60.0
ENTER_S = 30.0
"""Longest wait for a cloud to have let this process in, in seconds: on AWS, its key is good for 60."""
PAUSES_S = (0.5, 1.0, 2.0, 4.0)
LEAVE_S = 2.5
"""How long the machine has to take the key out, in seconds: a job that is cancelled has 7.5 s for all."""


@dataclass
class Stay:
    """One machine that this process is a guest of."""

    cloud: CloudProvider
    instance: Instance
    visit: Visit
    until: datetime
    """When its firewall's rule ends, by the cloud's clock."""
    since: float
    """By this machine's monotonic clock."""
    line: NodeConnection | None = None
    """Kept open, so that leaving takes no second login; None: it was not reached."""


_stays: dict[str, Stay] = {}
"""By deployment."""


@cache
def _run() -> str:
    """Which process it is."""
    return secrets.token_hex(4)


def visit() -> Visit | None:
    """Of this process; None where it is no guest.

    Raises:
        ConfigError: ``ZEPHYR_GUEST`` is no length of time.
    """
    lasts = guest_for()
    return Visit(run=_run(), lasts=lasts) if lasts else None


def is_in(name: str) -> bool:
    """Whether this process is a guest of that deployment's machine, and has time enough left."""
    return name in _stays and not overstays(name)


def overstays(name: str) -> bool:
    """Whether half of its time there is over: then it is let in anew before it goes on."""
    stay = _stays.get(name)
    return stay is not None and time.monotonic() - stay.since > stay.visit.lasts.total_seconds() / 2


def expect(cloud: CloudProvider, instance: Instance) -> None:
    """Note a machine whose firewall is, or is about to be, open to this process; quiet where it is no guest."""
    ours = visit()
    if ours is not None:
        name = instance.stamp.deployment
        line = _stays[name].line if name in _stays else None
        _stays[name] = Stay(cloud, instance, ours, cloud.now() + ours.lasts, time.monotonic(), line)


def let_in(cloud: CloudProvider, instance: Instance, address: NodeAddress) -> None:
    """Have the cloud let this process in, a guest for a time and all others for good.

    Raises:
        As `CloudProvider.let_in`.
    """
    expect(cloud, instance)
    cloud.let_in(instance, login_key(address.identity, address.identity_from).public, cloud.caller(), visit())


def admit(node: NodeConnection, address: NodeAddress) -> None:
    """Have the machine itself take this process's key: a cloud may let it in for a minute only.

    Raises:
        ZephyrError: it cannot be told.
    """
    request: dict[str, object] = {"key": login_key(address.identity, address.identity_from).public}
    ours = visit()
    if ours is not None and address.identity_from == GUEST:
        request["for_s"] = ours.lasts.total_seconds()
    call(node, "admit", request, deadline_s=ADMIT_S)


def arrive(cloud: CloudProvider, instance: Instance, record: NodesRecord) -> None:
    """Be let in to a machine, and stay so; a guest until it leaves.

    Raises:
        HostKeyError: the machine shows another key than its cloud keeps.
        CredentialsError, UnreachableError: it does not let this user in all the same.
        ZephyrError: its cloud does not.
    """
    let_in(cloud, instance, record.entry)
    with ExitStack() as held:
        node = held.enter_context(_entered(cloud, instance, record))
        admit(node, record.entry)
        stay = _stays.get(record.name)
        if stay is not None:
            held.pop_all()
            if stay.line is not None:
                stay.line.close()
            stay.line = node


def _entered(cloud: CloudProvider, instance: Instance, record: NodesRecord) -> NodeConnection:
    """A connection; a cloud says that somebody is let in some seconds before its firewall and machine know of it.

    Where all of a firewall's rules are changed at once, another who comes, or leaves, just then may have undone it.
    """
    end, pauses = time.monotonic() + ENTER_S, iter(PAUSES_S)
    while True:
        try:
            return connect_noted(record, record.entry)
        except HostKeyError:
            raise
        except (CredentialsError, UnreachableError):
            if time.monotonic() > end:
                raise
        time.sleep(next(pauses, PAUSES_S[-1]))
        cloud.let_in(instance, None, cloud.caller(), visit())


def leave(tell: Callable[[str], None]) -> None:
    """Take back everything by which this process was let in; what cannot be is told, and ends by itself.

    Nothing of it is an error: the work was done, or has failed, before.
    """
    while _stays:
        name, stay = _stays.popitem()
        _dismiss(name, stay)
        try:
            stay.cloud.let_out(stay.instance, stay.visit)
        except GoneError:
            continue
        except ZephyrError as error:
            tell(
                f"SSH to the machine of {name} stays open to this network until {stay.until:%Y-%m-%d %H:%M} UTC: "
                f"{error.message}; the next run, or `zephyr-deploy gc`, closes it then."
            )


def _dismiss(name: str, stay: Stay) -> None:
    """Have the machine take the key out; one that does not answer refuses it when its time is over."""
    record = record_of(name)
    if record is not None and record.entry.identity_from == GUEST:
        with suppress(ZephyrError), _line(stay, record) as node:
            call(node, "dismiss", {"key": login_key(None, GUEST).public}, deadline_s=LEAVE_S)
    if stay.line is not None:
        stay.line.close()


def _line(stay: Stay, record: NodesRecord) -> NodeConnection:
    """The connection that was kept; another where there is none, or the machine was restarted meanwhile."""
    if stay.line is not None and stay.line.alive:
        return stay.line
    return connect(record.name, record.entry, trust_in(record), deadline_s=LEAVE_S)
