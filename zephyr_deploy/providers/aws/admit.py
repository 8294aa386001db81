"""Lets another user log in to a machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.errors import GoneError
from zephyr_deploy.providers.aws.errors import changing
from zephyr_deploy.providers.aws.firewall import admit_network, group_of

if TYPE_CHECKING:
    from zephyr_deploy.providers.aws.session import AwsSession
    from zephyr_deploy.providers.clouds.types import Instance


def let_in(session: AwsSession, instance: Instance, public_key: str, allowed: str) -> None:
    """See `CloudProvider.let_in`; the key is good for 60 seconds (EC2 Instance Connect), in which it can be put there.

    Raises:
        GoneError: the machine, or its security group, is not there.
    """
    group = group_of(session, instance)
    if group is None:
        hint = f"zephyr-deploy down {instance.stamp.deployment}, and up again, makes both anew."
        raise GoneError(f"machine {instance.id} has lost its security group", hint=hint)
    admit_network(session, instance.region, group, allowed)
    with changing("ec2-instance-connect:SendSSHPublicKey"):
        session.client("ec2-instance-connect", instance.region, once=True).send_ssh_public_key(
            InstanceId=instance.id, InstanceOSUser=instance.user, SSHPublicKey=public_key
        )
