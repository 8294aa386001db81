"""What is known of a deployment's machines adds to a wish."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.deploy.known import known
from zephyr_deploy.providers.registry import is_cloud

if TYPE_CHECKING:
    from zephyr_deploy.spec.deployment import Deployment


def where_noted(deployment: Deployment) -> Deployment:
    """A deployment of which only the name is wanted, with its machines as they are known; others as they are."""
    record = known(deployment.name) if deployment.provider == "local" else None
    if record is None:
        return deployment
    if is_cloud(record.provider):
        return deployment.model_copy(update={"provider": record.provider})
    hosts = tuple(str(address) for address in record.nodes)
    gateway = str(record.gateway) if record.gateway else None
    identity = next((str(address.identity) for address in record.machines if address.identity), None)
    where = {"host": hosts[0], "hosts": hosts[1:], "gateway": gateway, "identity": identity}
    machine = deployment.machine.model_copy(update=where)
    return deployment.model_copy(update={"provider": record.provider, "machine": machine})
