"""Lets another user log in to a machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.providers.aws.errors import changing
from zephyr_deploy.providers.aws.firewall import admit_network, require_group

if TYPE_CHECKING:
    from zephyr_deploy.providers.aws.session import AwsSession
    from zephyr_deploy.providers.clouds.types import Instance


def let_in(session: AwsSession, instance: Instance, public_key: str, allowed: str) -> None:
    """See `CloudProvider.let_in`; the key is good for 60 seconds (EC2 Instance Connect), in which it can be put there.

    Raises:
        GoneError: the machine, or its security group, is not there.
    """
    admit_network(session, instance.region, require_group(session, instance), allowed)
    with changing("ec2-instance-connect:SendSSHPublicKey"):
        session.client("ec2-instance-connect", instance.region, once=True).send_ssh_public_key(
            InstanceId=instance.id, InstanceOSUser=instance.user, SSHPublicKey=public_key
        )
