"""Lets another user log in to a machine, and guests no longer than they may."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from zephyr_deploy.providers.aws.errors import changing, reading
from zephyr_deploy.providers.aws.find import groups_of
from zephyr_deploy.providers.aws.firewall import SSH, admit_network, dismiss, require_group, rule, ssh_networks
from zephyr_deploy.providers.aws.tags import stamp_of
from zephyr_deploy.providers.clouds.visits import Opening, read_words

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from zephyr_deploy.providers.aws.session import AwsSession
    from zephyr_deploy.providers.clouds.types import Instance
    from zephyr_deploy.providers.clouds.visits import Visit


def let_in(
    session: AwsSession, instance: Instance, public_key: str | None, allowed: str, visit: Visit | None = None
) -> None:
    """See `CloudProvider.let_in`; the key is good for 60 seconds (EC2 Instance Connect), in which it can be put there.

    Raises:
        GoneError: the machine, or its security group, is not there.
    """
    group, now = require_group(session, instance), datetime.now(timezone.utc)
    admit_network(session, instance.region, group, allowed, visit)
    for opening in _openings(instance.region, group):
        if opening.is_over(now) and opening.network != allowed:
            _close(session, opening, group)
    if public_key is None:
        return
    with changing("ec2-instance-connect:SendSSHPublicKey"):
        session.client("ec2-instance-connect", instance.region, once=True).send_ssh_public_key(
            InstanceId=instance.id, InstanceOSUser=instance.user, SSHPublicKey=public_key
        )


def let_out(session: AwsSession, instance: Instance, visit: Visit) -> None:
    """See `CloudProvider.let_out`."""
    group = require_group(session, instance)
    for opening in _openings(instance.region, group):
        if opening.run == visit.run:
            _close(session, opening, group)


def openings(session: AwsSession, name: str | None) -> list[Opening]:
    """See `CloudProvider.openings`."""
    return session.everywhere(
        lambda region: [one for group in groups_of(session, region, name) for one in _openings(region, group)]
    )


def shut(session: AwsSession, opening: Opening) -> None:
    """See `CloudProvider.shut`."""
    filters = [{"Name": "group-id", "Values": [opening.group]}]
    with reading("ec2:DescribeSecurityGroups"):
        found = session.ec2(opening.region).describe_security_groups(Filters=filters)["SecurityGroups"]
    for group in found:
        if opening in _openings(opening.region, group):
            _close(session, opening, group)


def _openings(region: str, group: dict[str, Any]) -> Iterator[Opening]:
    stamp = stamp_of(group)
    for network, text in ssh_networks(group).items():
        said = read_words(text)
        if said and stamp:
            yield Opening(
                provider="aws",
                region=region,
                group=group["GroupId"],
                deployment=stamp.deployment,
                network=network,
                run=said.run,
                until=said.until,
            )


def _close(session: AwsSession, opening: Opening, group: dict[str, Any]) -> None:
    words = ssh_networks(group)[opening.network]
    dismiss(session, opening.region, group, rule(SSH, opening.network, words))
