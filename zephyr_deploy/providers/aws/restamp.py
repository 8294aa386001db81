"""Changes what a machine carries, and all that was made with it: they expire together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.providers.aws.errors import changing
from zephyr_deploy.providers.aws.find import resources_in
from zephyr_deploy.providers.aws.tags import tag_list

if TYPE_CHECKING:
    from zephyr_deploy.providers.aws.session import AwsSession
    from zephyr_deploy.providers.clouds.stamp import Stamp
    from zephyr_deploy.providers.clouds.types import Instance


SHARED = ("security-group", "key")
"""By all machines that the deployment has had."""


def restamp(session: AwsSession, instance: Instance, stamp: Stamp) -> Instance:
    """See `CloudProvider.restamp`; one call, which EC2 carries out for all or for none."""
    there = resources_in(session, instance.region, stamp.deployment)
    same = [one.id for one in there if one.kind in SHARED or (one.stamp.run == stamp.run and one.kind != "instance")]
    with changing("ec2:CreateTags"):
        session.ec2(instance.region, once=True).create_tags(Resources=[instance.id, *same], Tags=tag_list(stamp))
    return instance.model_copy(update={"stamp": stamp})
