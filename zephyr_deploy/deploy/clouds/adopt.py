"""Takes over a machine that was made from another laptop: by the cloud's word, this user may log in, and stays so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.node.program import call
from zephyr_deploy.node.sshkey import login_key
from zephyr_deploy.providers.nodes.connect import connect_noted

if TYPE_CHECKING:
    from zephyr_deploy.providers.clouds.contract import CloudProvider
    from zephyr_deploy.providers.clouds.types import Instance
    from zephyr_deploy.providers.nodes.record import NodesRecord

ADMIT_S = 60.0


def adopt(cloud: CloudProvider, instance: Instance) -> NodesRecord:
    """The note on a machine, once this user can log in to it.

    What a cloud lets in may be let in for a minute only; so the machine itself is told the key, too.

    Raises:
        HostKeyError: the machine shows another key than its cloud keeps.
        CredentialsError, UnreachableError: it does not let this user in all the same.
    """
    record = cloud.record(instance)
    key = login_key().public
    cloud.let_in(instance, key, cloud.caller())
    with connect_noted(record, record.entry) as node:
        call(node, "admit", {"key": key}, deadline_s=ADMIT_S)
    record.save()
    return record
