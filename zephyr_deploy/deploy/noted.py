"""What this user's notes add to a wish."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.providers.nodes.record import record_of

if TYPE_CHECKING:
    from zephyr_deploy.spec.deployment import Deployment


def where_noted(deployment: Deployment) -> Deployment:
    """A deployment of which only the name is wanted, with its machines by this user's note; others as they are."""
    record = record_of(deployment.name)
    if deployment.provider != "local" or record is None:
        return deployment
    hosts = tuple(str(address) for address in record.nodes)
    gateway = str(record.gateway) if record.gateway else None
    identity = next((str(address.identity) for address in record.machines if address.identity), None)
    where = {"host": hosts[0], "hosts": hosts[1:], "gateway": gateway, "identity": identity}
    machine = deployment.machine.model_copy(update=where)
    return deployment.model_copy(update={"provider": record.provider, "machine": machine})
