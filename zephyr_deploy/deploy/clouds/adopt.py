"""Takes over a machine that was made from another laptop: by the cloud's word, this user may log in, and stays so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.deploy.guests import arrive
from zephyr_deploy.node.sshkey import login_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from zephyr_deploy.node.sshkey import LoginKey
    from zephyr_deploy.providers.clouds.contract import CloudProvider
    from zephyr_deploy.providers.clouds.types import Instance
    from zephyr_deploy.providers.nodes.record import NodesRecord


def adopt(cloud: CloudProvider, instance: Instance, key: Callable[[], LoginKey] = login_key) -> NodesRecord:
    """The note on a machine, once this user can log in to it.

    What a cloud lets in may be let in for a minute only; so the machine itself is told the key, too.

    Args:
        cloud: That has it.
        instance: The machine.
        key: Gives what this user logs in with, where that is not noted yet.

    Raises:
        HostKeyError: the machine shows another key than its cloud keeps.
        CredentialsError, UnreachableError: it does not let this user in all the same.
    """
    record = cloud.record(instance, key)
    arrive(cloud, instance, record)
    record.save()
    return record
