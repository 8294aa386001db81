"""What the user should know of a machine that was there before: that a new one would be another."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zephyr_deploy.events import Phases
    from zephyr_deploy.providers.clouds.types import Instance
    from zephyr_deploy.spec.deployment import Deployment


def tell_of_difference(instance: Instance, deployment: Deployment, phases: Phases) -> None:
    """Say in what the machine is not as wished; its GPUs are looked at on the machine itself, and refused there."""
    for other in _others(instance, deployment):
        instead = f"for another one: zephyr-deploy down {deployment.name}, then up"
        phases.notice(f"{instance.id} was there before and {other}; {instead}", warning=True)


def _others(instance: Instance, deployment: Deployment) -> Iterator[str]:
    region, most = deployment.machine.region, deployment.cost.max_hourly_usd
    if region and region != instance.region:
        yield f"is in {instance.region}, not in {region}"
    price = instance.stamp.price_per_hour_usd
    if most is not None and price > float(most):
        yield f"costs ${price:.2f} an hour, not ${most:.2f} or less"
