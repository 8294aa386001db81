"""Deletes one thing."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from zephyr_deploy.errors import GoneError
from zephyr_deploy.providers.aws.errors import changing

if TYPE_CHECKING:
    from zephyr_deploy.providers.aws.session import AwsSession
    from zephyr_deploy.providers.clouds.types import Kind, Resource


class _Call(NamedTuple):
    operation: str
    parameter: str
    several: bool = False


CALLS: dict[Kind, _Call] = {
    "instance": _Call("TerminateInstances", "InstanceIds", several=True),
    "spot-request": _Call("CancelSpotInstanceRequests", "SpotInstanceRequestIds", several=True),
    "network-interface": _Call("DeleteNetworkInterface", "NetworkInterfaceId"),
    "volume": _Call("DeleteVolume", "VolumeId"),
    "security-group": _Call("DeleteSecurityGroup", "GroupId"),
    "key": _Call("DeleteKeyPair", "KeyPairId"),
}


def delete(session: AwsSession, resource: Resource) -> None:
    """See `CloudProvider.delete`."""
    call = CALLS[resource.kind]
    client = session.ec2(resource.region, once=True)
    method = {api: name for name, api in client.meta.method_to_api_mapping.items()}[call.operation]
    try:
        with changing(f"ec2:{call.operation}"):
            getattr(client, method)(**{call.parameter: [resource.id] if call.several else resource.id})
    except GoneError:
        return
