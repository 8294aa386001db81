"""What kind of machine a deployment wants from a cloud, and in which order places are tried."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from zephyr_deploy.deploy.clouds.launch import Wanted

if TYPE_CHECKING:
    from zephyr_deploy.providers.clouds.contract import CloudProvider
    from zephyr_deploy.spec.deployment import Deployment

DISK_GB = 150
"""Room for the system, two images of an engine of 15 GB and the weights of a 7B model several times over."""


def wanted(cloud: CloudProvider, deployment: Deployment) -> Wanted:
    """The machine that is to be ordered.

    Raises:
        NoCapacityError: the cloud sells none that fits; says what stood in the way.
    """
    machine = deployment.machine
    return Wanted(
        offers=cloud.offers(machine.region),
        disk_gb=machine.disk_gb or DISK_GB,
        lifetime=deployment.cost.ttl,
        identity=Path(machine.identity).expanduser() if machine.identity else None,
    )
