"""What is ours, by its tags, in every region that is enabled."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

from zephyr_deploy.errors import GoneError
from zephyr_deploy.providers.aws.errors import reading
from zephyr_deploy.providers.aws.image import USER
from zephyr_deploy.providers.aws.settle import SETTLE_S
from zephyr_deploy.providers.aws.tags import stamp_of, tagged
from zephyr_deploy.providers.clouds.types import KINDS, Ended, Instance, InstanceState, Kind, Resource

if TYPE_CHECKING:
    from zephyr_deploy.providers.aws.session import AwsSession
    from zephyr_deploy.providers.clouds.stamp import Stamp

STATES: dict[str, InstanceState] = {
    "pending": "starting",
    "running": "running",
    "shutting-down": "stopping",
    "terminated": "gone",
    "stopping": "stopping",
    "stopped": "stopped",
}
ENDED: dict[str, Ended] = {
    "Server.SpotInstanceTermination": "taken-back",
    "Server.SpotInstanceShutdown": "taken-back",
    "Client.InstanceInitiatedShutdown": "by-itself",
    "Client.UserInitiatedShutdown": "deleted",
}
"""By the code of ``StateReason`` (EC2 API reference)."""
THERE = [name for name, state in STATES.items() if state != "gone"]


class _List(NamedTuple):
    """How one kind is listed."""

    kind: Kind
    call: str
    items: str
    id: str
    bills: bool = False
    paged: bool = True


LISTS = (
    _List("spot-request", "describe_spot_instance_requests", "SpotInstanceRequests", "SpotInstanceRequestId"),
    _List("network-interface", "describe_network_interfaces", "NetworkInterfaces", "NetworkInterfaceId"),
    _List("volume", "describe_volumes", "Volumes", "VolumeId", bills=True),
    _List("security-group", "describe_security_groups", "SecurityGroups", "GroupId"),
    _List("key", "describe_key_pairs", "KeyPairs", "KeyPairId", paged=False),
)
PAGES = {"PageSize": 500}
"""Large accounts run into time limits where a call sets none ("Paginate results", EC2 API developer guide)."""
OPEN = {"Name": "state", "Values": ["open", "active"]}
"""Spot requests in any other state are over."""


def instances(session: AwsSession, name: str | None) -> list[Instance]:
    """Machines that are not gone; see `CloudProvider.instances`."""
    return session.everywhere(lambda region: list(_instances(session, region, name)))


def get(session: AwsSession, instance: Instance) -> Instance:
    """How a machine is now; one that was made a moment ago need not be listed yet."""
    try:
        with reading("ec2:DescribeInstances"):
            found = session.ec2(instance.region).describe_instances(InstanceIds=[instance.id])["Reservations"]
    except GoneError:
        found = []
    if found:
        machine = found[0]["Instances"][0]
        return instance_of(machine, instance.region, stamp_of(machine) or instance.stamp)
    young = instance.created_at and datetime.now(timezone.utc) - instance.created_at < timedelta(seconds=SETTLE_S)
    return instance if young else instance.model_copy(update={"state": "gone"})


def resources(session: AwsSession, name: str | None) -> list[Resource]:
    """Everything of ours, in the order in which it can be deleted; see `CloudProvider.resources`."""
    found = session.everywhere(lambda region: list(_resources(session, region, name)))
    return sorted(found, key=lambda resource: KINDS.index(resource.kind))


def resources_in(session: AwsSession, region: str, name: str) -> list[Resource]:
    """Likewise, in one region."""
    return list(_resources(session, region, name))


def groups_of(session: AwsSession, region: str, name: str | None) -> Iterator[dict[str, Any]]:
    """The security groups of deployment ``name``, or all of ours, in one region."""
    return _pages(session, region, "describe_security_groups", "SecurityGroups", tagged(name))


def instance_of(machine: dict[str, Any], region: str, stamp: Stamp) -> Instance:
    """A machine as EC2 describes it."""
    return Instance(
        provider="aws",
        id=machine["InstanceId"],
        region=region,
        zone=machine["Placement"]["AvailabilityZone"],
        state=STATES[machine["State"]["Name"]],
        machine_type=machine["InstanceType"],
        address=machine.get("PublicIpAddress") or None,
        user=USER,
        created_at=machine["LaunchTime"],
        spot=machine.get("InstanceLifecycle") == "spot",
        ended=ENDED.get(machine.get("StateReason", {}).get("Code", "")),
        stamp=stamp,
    )


def _instances(session: AwsSession, region: str, name: str | None) -> Iterator[Instance]:
    filters = [*tagged(name), {"Name": "instance-state-name", "Values": THERE}]
    for reservation in _pages(session, region, "describe_instances", "Reservations", filters):
        for machine in reservation["Instances"]:
            if stamp := stamp_of(machine):
                yield instance_of(machine, region, stamp)


def _resources(session: AwsSession, region: str, name: str | None) -> Iterator[Resource]:
    for machine in _instances(session, region, name):
        yield Resource(
            provider="aws",
            kind="instance",
            id=machine.id,
            region=region,
            stamp=machine.stamp,
            name=machine.machine_type,
            created_at=machine.created_at,
            bills=True,
        )
    for kind in LISTS:
        filters = [*tagged(name), *([OPEN] if kind.kind == "spot-request" else [])]
        for thing in _pages(session, region, kind.call, kind.items, filters, paged=kind.paged):
            if stamp := stamp_of(thing):
                yield Resource(
                    provider="aws",
                    kind=kind.kind,
                    id=thing[kind.id],
                    region=region,
                    stamp=stamp,
                    name=thing.get("KeyName") or thing.get("GroupName") or "",
                    created_at=thing.get("CreateTime"),
                    bills=kind.bills,
                )


def _pages(
    session: AwsSession, region: str, call: str, items: str, filters: list[dict[str, Any]], *, paged: bool = True
) -> Iterator[dict[str, Any]]:
    client = session.ec2(region)
    with reading(f"ec2:{client.meta.method_to_api_mapping[call]}"):
        pages = (
            client.get_paginator(call).paginate(Filters=filters, PaginationConfig=PAGES)
            if paged
            else [getattr(client, call)(Filters=filters)]
        )
        for page in pages:
            yield from page[items]
