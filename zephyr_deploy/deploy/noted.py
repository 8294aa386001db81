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
    where: dict[str, object] = {"host": hosts[0], "hosts": hosts[1:], "gateway": gateway}
    if deployment.machine.identity_from is None:
        where["identity"] = next((str(one.identity) for one in record.machines if one.identity), None)
        where["identity_from"] = next((one.identity_from for one in record.machines if one.identity_from), None)
    machine = deployment.machine.model_copy(update=where)
    return deployment.model_copy(update={"provider": record.provider, "machine": machine})
