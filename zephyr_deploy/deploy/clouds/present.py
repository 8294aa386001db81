"""The machine of a deployment that is there now: by a cloud's lists, and by what they may lack yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.deploy.clouds.lately import machines_made_lately
from zephyr_deploy.providers.clouds.contract import only_one_each

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zephyr_deploy.providers.clouds.contract import CloudProvider
    from zephyr_deploy.providers.clouds.types import Instance


def present_machine(cloud: CloudProvider, name: str, ordered: Iterable[Instance] = ()) -> Instance | None:
    """The one that is not gone, and is not about to be; None where there is none.

    Args:
        cloud: Where.
        name: Of the deployment.
        ordered: Machines that are known otherwise.

    Raises:
        ConflictError: there are several.
        ZephyrError: the cloud cannot be asked.
    """
    known = (*ordered, *machines_made_lately(name, cloud), *cloud.instances(name))
    there = map(cloud.get, {one.id: one for one in known}.values())
    return next(iter(only_one_each([one for one in there if one.state not in {"gone", "stopping"}])), None)
