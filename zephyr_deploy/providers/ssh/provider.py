"""Machines of the user's own as a provider."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from zephyr_deploy.node.address import NodeAddress
from zephyr_deploy.providers.nodes.provider import MachinesProvider
from zephyr_deploy.providers.nodes.record import records

if TYPE_CHECKING:
    from zephyr_deploy.providers.nodes.record import NodesRecord
    from zephyr_deploy.spec.deployment import Deployment, Machine


class SshProvider(MachinesProvider):
    """The hosts that the user names."""

    name = "ssh"

    def records(self, name: str | None = None) -> list[NodesRecord]:
        """By this user's notes."""
        return [record for record in records("ssh") if name in {None, record.name}]

    def nodes(self, deployment: Deployment) -> tuple[NodeAddress, ...]:
        """``machine.host`` and ``machine.hosts``."""
        machine = deployment.machine
        hosts = (*((machine.host,) if machine.host else ()), *machine.hosts)
        return tuple(_address(host, machine) for host in hosts)

    def gateway(self, deployment: Deployment) -> NodeAddress | None:
        """``machine.gateway``."""
        machine = deployment.machine
        return _address(machine.gateway, machine) if machine.gateway else None


def _address(host: str, machine: Machine) -> NodeAddress:
    """A machine that the user names; what the address says itself wins over ``user`` and ``ssh_port``."""
    identity = Path(machine.identity).expanduser() if machine.identity else None
    named = NodeAddress.parse(host, identity=identity)
    said = {"user": named.user or machine.user, "port": named.port or machine.ssh_port}
    return named.model_copy(update={**said, "identity_from": machine.identity_from})
