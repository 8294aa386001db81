"""The security group of a deployment: SSH, from the networks of those who may; else nothing, unless it is exposed."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from zephyr_deploy.errors import ConflictError, GoneError, ZephyrError
from zephyr_deploy.providers.aws.errors import changing, reading
from zephyr_deploy.providers.aws.making import making
from zephyr_deploy.providers.aws.settle import until
from zephyr_deploy.providers.aws.tags import specification, stamp_of, tagged

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    if allowed not in _networks(group):
        admit(session, region, group, rule(SSH, allowed, "zephyr-deploy"))


def admit(session: AwsSession, region: str, group: dict[str, Any], let: dict[str, Any]) -> None:
    """Add a rule; fine where it is there already."""
    with _fine("InvalidPermission.Duplicate"), changing("ec2:AuthorizeSecurityGroupIngress"):
        session.ec2(region, once=True).authorize_security_group_ingress(GroupId=group["GroupId"], IpPermissions=[let])


def dismiss(session: AwsSession, region: str, group: dict[str, Any], let: dict[str, Any]) -> None:
    """Take a rule away; fine where it is gone already."""
    with _fine("InvalidPermission.NotFound"), changing("ec2:RevokeSecurityGroupIngress"):
        session.ec2(region, once=True).revoke_security_group_ingress(GroupId=group["GroupId"], IpPermissions=[let])


def rule(port: int, network: str, why: str) -> dict[str, Any]:
    """That a network may reach a port, as EC2 writes it; ``why`` is shown with it."""
    ranges, cidr = ("Ipv6Ranges", "CidrIpv6") if ":" in network else ("IpRanges", "CidrIp")
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, ranges: [{cidr: network, "Description": why}]}


def require_group(session: AwsSession, instance: Instance) -> dict[str, Any]:
    """The group of a machine's deployment.

    Raises:
        GoneError: it is not there.
    """
    with reading("ec2:DescribeSecurityGroups"):
        pages = session.ec2(instance.region).get_paginator("describe_security_groups")
        filters = tagged(instance.stamp.deployment)
        found: list[dict[str, Any]] = [
            group for page in pages.paginate(Filters=filters) for group in page["SecurityGroups"]
        ]
    if not found:
        hint = f"zephyr-deploy down {instance.stamp.deployment}, and up again, makes both anew."
        raise GoneError(f"machine {instance.id} has lost its security group", hint=hint)
    return found[0]


@contextmanager
def _fine(code: str) -> Iterator[None]:
    """Take a refusal for done that says that it is so already."""
    try:
        yield
    except ZephyrError as error:
        if error.details.get("code") != code:
            raise


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
