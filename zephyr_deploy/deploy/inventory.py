"""`inventory`: a deployment's machines for Ansible, run by hand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from zephyr_deploy.errors import ConfigError
from zephyr_deploy.node.inventory import Inventory, as_yaml, host_vars, inventory
from zephyr_deploy.node.knownhosts import PinFile
from zephyr_deploy.node.route import resolve
from zephyr_deploy.node.sshconfig import ssh_host
from zephyr_deploy.providers.base import NodeProvider
from zephyr_deploy.providers.nodes.connect import alias_for, pin_file
from zephyr_deploy.providers.nodes.record import record_of
from zephyr_deploy.providers.registry import provider as provider_named
from zephyr_deploy.resources import resource

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zephyr_deploy.node.address import NodeAddress
    from zephyr_deploy.node.sshconfig import SshHost
    from zephyr_deploy.spec.deployment import Deployment

__all__ = ["Inventory", "as_yaml", "inventory_of", "playbook", "ssh_hosts"]


def inventory_of(deployment: Deployment) -> Inventory:
    """The machines that the deployment is on, by this user's note; without one, those that are wanted.

    What ``machine.prepare`` says holds for each of them.

    Raises:
        ConfigError: it has no machines, or ssh's configuration cannot be read.
    """
    record = record_of(deployment.name)
    nodes = record.machines if record else _wanted(deployment)
    pins = PinFile(pin_file(deployment.name))
    hosts = ssh_hosts(deployment.name, nodes)
    return inventory(
        {
            host.alias: {**host_vars(host, pinned=bool(pins.keys(host.alias))), **deployment.machine.prepare}
            for host in hosts
        }
    )


def ssh_hosts(name: str, nodes: Sequence[NodeAddress]) -> list[SshHost]:
    """How ssh reaches each machine of deployment ``name``, in the same order."""
    several = len(nodes) > 1
    return [
        ssh_host(name, resolve(address), pin_file(name)).model_copy(
            update={"alias": alias_for(name, address, several=several)}
        )
        for address in nodes
    ]


def playbook(name: str) -> Path:
    """Where a playbook is, e.g. ``playbook("prepare")``."""
    return resource("playbooks", f"{name}.yml")


def _wanted(deployment: Deployment) -> tuple[NodeAddress, ...]:
    provider = provider_named(deployment.provider)
    nodes = provider.machines_of(deployment) if isinstance(provider, NodeProvider) else ()
    if not nodes:
        hint = f"zephyr-deploy up {deployment.name} --provider ssh --host HOST"
        raise ConfigError(f"{deployment.name} is on no machine that is reached over SSH", hint=hint)
    return nodes
