"""Where in a region a machine is put: the default network, which every account begins with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.errors import ConfigError
from zephyr_deploy.providers.aws.errors import reading

if TYPE_CHECKING:
    from zephyr_deploy.providers.aws.session import AwsSession


def default_network(session: AwsSession, region: str) -> str:
    """Id of the default VPC.

    Raises:
        ConfigError: the account has none there any more.
    """
    filters = [{"Name": "is-default", "Values": ["true"]}]
    with reading("ec2:DescribeVpcs"):
        found = session.ec2(region).describe_vpcs(Filters=filters)["Vpcs"]
    if not found:
        hint = f"Make it again: aws ec2 create-default-vpc --region {region}"
        raise ConfigError(f"there is no default VPC in {region}", hint=hint)
    return str(found[0]["VpcId"])


def default_subnet(session: AwsSession, region: str, network: str, zone: str) -> str:
    """Id of the default subnet of a zone; of the first zone where none is named.

    Raises:
        ConfigError: there is none.
    """
    filters = [{"Name": "vpc-id", "Values": [network]}, {"Name": "default-for-az", "Values": ["true"]}]
    with reading("ec2:DescribeSubnets"):
        found = session.ec2(region).describe_subnets(Filters=filters)["Subnets"]
    by_zone = {subnet["AvailabilityZone"]: subnet["SubnetId"] for subnet in found}
    if not by_zone or (zone and zone not in by_zone):
        hint = f"Make it again: aws ec2 create-default-subnet --availability-zone {zone or f'{region}a'}"
        raise ConfigError(f"there is no default subnet in {zone or region}", hint=hint)
    return str(by_zone[zone or min(by_zone)])


def zones_of(session: AwsSession, region: str, machine_type: str) -> tuple[str, ...]:
    """The zones of a region that have such machines, by name."""
    filters = [{"Name": "instance-type", "Values": [machine_type]}]
    with reading("ec2:DescribeInstanceTypeOfferings"):
        pages = (
            session.ec2(region)
            .get_paginator("describe_instance_type_offerings")
            .paginate(LocationType="availability-zone", Filters=filters)
        )
        return tuple(sorted(offer["Location"] for page in pages for offer in page["InstanceTypeOfferings"]))
