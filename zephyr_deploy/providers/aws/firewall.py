"""The security group of a deployment: SSH, from the networks of those who may; else nothing, unless it is exposed."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from zephyr_deploy.errors import ConflictError, GoneError, ZephyrError
from zephyr_deploy.providers.aws.errors import changing, reading
from zephyr_deploy.providers.aws.making import making
from zephyr_deploy.providers.aws.settle import until
from zephyr_deploy.providers.aws.tags import specification, stamp_of, tagged
from zephyr_deploy.providers.clouds.visits import words_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zephyr_deploy.providers.aws.session import AwsSession
    from zephyr_deploy.providers.clouds.types import Instance, Ledger, Order
    from zephyr_deploy.providers.clouds.visits import Visit

SSH = 22
FOR_GOOD = "zephyr-deploy"
"""Description of a rule that nobody closes but its user."""


def ready_group(session: AwsSession, order: Order, network: str, ledger: Ledger) -> str:
    """Id of the deployment's group, which lets the order's network reach SSH; made where there is none.

    Raises:
        ConflictError: a group that is not the deployment's has its name.
    """
    group = _found(session, order, network) or _made(session, order, network, ledger)
    admit_network(session, order.offer.region, group, order.allowed, order.visit)
    return str(group["GroupId"])


def admit_network(
    session: AwsSession, region: str, group: dict[str, Any], allowed: str, visit: Visit | None = None
) -> None:
    """Let a network reach SSH, a guest's for as long as it stays; fine where it may already.

    A rule's end goes by this machine's clock: EC2 refuses calls of one that is minutes off (``RequestExpired``).
    """
    there = ssh_networks(group).get(allowed)
    words = words_for(there, visit, datetime.now(timezone.utc), FOR_GOOD)
    if there is None:
        admit(session, region, group, rule(SSH, allowed, words))
    elif words != there:
        _say(session, region, group, rule(SSH, allowed, words))


def admit(session: AwsSession, region: str, group: dict[str, Any], let: dict[str, Any]) -> None:
    """Add a rule; fine where it is there already."""
    with _fine("InvalidPermission.Duplicate"), changing("ec2:AuthorizeSecurityGroupIngress"):
        session.ec2(region, once=True).authorize_security_group_ingress(GroupId=group["GroupId"], IpPermissions=[let])


def dismiss(session: AwsSession, region: str, group: dict[str, Any], let: dict[str, Any]) -> None:
    """Take a rule away; fine where it is gone already."""
    with _fine("InvalidPermission.NotFound"), changing("ec2:RevokeSecurityGroupIngress"):
        session.ec2(region, once=True).revoke_security_group_ingress(GroupId=group["GroupId"], IpPermissions=[let])


def _say(session: AwsSession, region: str, group: dict[str, Any], let: dict[str, Any]) -> None:
    """Change what a rule that is there says; one that is gone meanwhile is added."""
    try:
        with changing("ec2:UpdateSecurityGroupRuleDescriptionsIngress"):
            session.ec2(region, once=True).update_security_group_rule_descriptions_ingress(
                GroupId=group["GroupId"], IpPermissions=[let]
            )
    except GoneError:
        admit(session, region, group, let)


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


def ssh_networks(group: dict[str, Any]) -> dict[str, str]:
    """Those that may reach SSH, each with what its rule says."""
    rules = [rule for rule in group.get("IpPermissions", ()) if rule.get("FromPort") == SSH == rule.get("ToPort")]
    return {
        source["CidrIp"]: str(source.get("Description", "")) for rule in rules for source in rule.get("IpRanges", ())
    }
