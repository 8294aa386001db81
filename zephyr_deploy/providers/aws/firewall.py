"""The security group of a deployment: SSH, from the networks of those who may, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zephyr_deploy.errors import ConflictError, ZephyrError
from zephyr_deploy.providers.aws.errors import changing, reading
from zephyr_deploy.providers.aws.making import making
from zephyr_deploy.providers.aws.settle import until
from zephyr_deploy.providers.aws.tags import specification, stamp_of, tagged

if TYPE_CHECKING:
    from zephyr_deploy.providers.aws.session import AwsSession
    from zephyr_deploy.providers.clouds.types import Instance, Ledger, Order

SSH = 22


def ready_group(session: AwsSession, order: Order, network: str, ledger: Ledger) -> str:
    """Id of the deployment's group, which lets the order's network reach SSH; made where there is none.

    Raises:
        ConflictError: a group that is not the deployment's has its name.
    """
    group = _found(session, order, network) or _made(session, order, network, ledger)
    admit_network(session, order.offer.region, group, order.allowed)
    return str(group["GroupId"])


def admit_network(session: AwsSession, region: str, group: dict[str, Any], allowed: str) -> None:
    """Let a network reach SSH; fine where it may already."""
    if allowed in _networks(group):
        return
    source = {"CidrIp": allowed, "Description": "zephyr-deploy"}
    rule = {"IpProtocol": "tcp", "FromPort": SSH, "ToPort": SSH, "IpRanges": [source]}
    try:
        with changing("ec2:AuthorizeSecurityGroupIngress"):
            session.ec2(region, once=True).authorize_security_group_ingress(
                GroupId=group["GroupId"], IpPermissions=[rule]
            )
    except ZephyrError as error:
        if error.details.get("code") != "InvalidPermission.Duplicate":
            raise


def group_of(session: AwsSession, instance: Instance) -> dict[str, Any] | None:
    """The group of a machine's deployment; None where it is gone."""
    with reading("ec2:DescribeSecurityGroups"):
        pages = session.ec2(instance.region).get_paginator("describe_security_groups")
        found = [
            group
            for page in pages.paginate(Filters=tagged(instance.stamp.deployment))
            for group in page["SecurityGroups"]
        ]
    return next(iter(found), None)


def _name(order: Order) -> str:
    return f"zephyr-deploy-{order.stamp.deployment}"


def _made(session: AwsSession, order: Order, network: str, ledger: Ledger) -> dict[str, Any]:
    region, name = order.offer.region, _name(order)
    with making(ledger, "security-group", "ec2:CreateSecurityGroup", region=region, name=name) as said:
        made = session.ec2(region, once=True).create_security_group(
            GroupName=name,
            Description=f"SSH to {order.stamp.deployment}, made by zephyr-deploy",
            VpcId=network,
            TagSpecifications=specification(order.stamp, "security-group"),
        )
        said["id"] = made["GroupId"]
    return until(f"security group {name} to be listed", lambda: _found(session, order, network))


def _found(session: AwsSession, order: Order, network: str) -> dict[str, Any] | None:
    name = _name(order)
    filters = [{"Name": "group-name", "Values": [name]}, {"Name": "vpc-id", "Values": [network]}]
    with reading("ec2:DescribeSecurityGroups"):
        groups = session.ec2(order.offer.region).describe_security_groups(Filters=filters)["SecurityGroups"]
    group: dict[str, Any] | None = next(iter(groups), None)
    if group is None:
        return None
    stamp = stamp_of(group)
    if stamp is None or stamp.deployment != order.stamp.deployment:
        hint = "Delete it if nobody needs it, or give the deployment another name."
        raise ConflictError(f"the security group {name} in {order.offer.region} is not ours", hint=hint)
    return group


def _networks(group: dict[str, Any]) -> set[str]:
    """Those that may reach SSH."""
    rules = [rule for rule in group.get("IpPermissions", ()) if rule.get("FromPort") == SSH == rule.get("ToPort")]
    return {source["CidrIp"] for rule in rules for source in rule.get("IpRanges", ())}
