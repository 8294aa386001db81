"""`cost`: what machines in clouds have cost, cost by the hour and by the token, and will have cost at their end."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from zephyr_deploy.deploy.known import configured_clouds, known, of_each
from zephyr_deploy.deploy.spent import cost_of_machine
from zephyr_deploy.errors import NotDeployedError
from zephyr_deploy.providers.registry import cloud, is_cloud
from zephyr_deploy.spec.base import Frozen, ProviderName

if TYPE_CHECKING:
    from collections.abc import Callable

    from zephyr_deploy.providers.clouds.contract import CloudProvider
    from zephyr_deploy.providers.clouds.types import Instance
    from zephyr_deploy.providers.machines import MachineStatus

AT_ONCE = 8
MILLION = 1e6


class Cost(Frozen):
    """What one deployment's machine costs. Prices are those of when it was made, without traffic and taxes."""

    name: str
    provider: ProviderName
    machine_type: str = ""
    region: str = ""
    since: datetime | None = None
    """When the machine was made; None: its cloud does not say."""
    price_per_hour_usd: float = 0.0
    cost_usd: float | None = None
    """So far."""
    generated_tokens: float | None = None
    """By the engine's own counter, since it was started last."""
    usd_per_million_tokens: float | None = None
    """Of those, at the price of the time since then; None: it has made none, or cannot be asked."""
    ends_at: datetime | None = None
    """When the machine ends, whoever uses it; None: never by itself."""
    cost_at_end_usd: float | None = None
    detail: str = ""
    """Why something is not known."""


def costs(name: str | None = None, on_trouble: Callable[[str], None] | None = None) -> list[Cost]:
    """What the machine of a deployment costs, or of each there is in a cloud.

    What is on this machine or on the user's own costs nothing here, and is in no list.

    Args:
        name: Of the deployment; None: all of them.
        on_trouble: Told of each cloud that cannot be asked what it has, and why; None: that is an error.

    Raises:
        NotDeployedError: it has no machine in a cloud any more.
        ZephyrError: a cloud cannot be asked, and nobody is told.
    """
    pairs = _named(name) if name is not None else _all(on_trouble)
    if not pairs:
        return []
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="cost") as pool:
        found = list(pool.map(lambda pair: cost_of(*pair), pairs))
    return sorted(found, key=lambda one: one.name)


def _named(name: str) -> list[tuple[CloudProvider, Instance]]:
    record = known(name)
    if record is None or not is_cloud(record.provider):
        return []
    one = cloud(record.provider)
    found = one.instances(name)
    if not found:
        hint = "See what there is: zephyr-deploy ls"
        raise NotDeployedError(f"{one.name} has no machine of {name} any more", hint=hint)
    return [(one, instance) for instance in found]


def _all(on_trouble: Callable[[str], None] | None) -> list[tuple[CloudProvider, Instance]]:
    return of_each(configured_clouds(), lambda one: [(one, instance) for instance in one.instances()], on_trouble)


def cost_of(cloud: CloudProvider, instance: Instance) -> Cost:
    """What one machine costs; what it serves, and when it ends, is asked of itself."""
    stamp, now = instance.stamp, datetime.now(timezone.utc)
    machine, why = _machine(cloud, instance)
    price = stamp.price_per_hour_usd
    tokens = machine.figures.generated_tokens if machine else None
    served_h = machine.uptime_s / 3600 if machine and machine.uptime_s else None
    ends_at = machine.ending.at if machine and machine.ending else stamp.expires
    return Cost(
        name=stamp.deployment,
        provider=instance.provider,
        machine_type=instance.machine_type,
        region=instance.region,
        since=instance.created_at,
        price_per_hour_usd=price,
        cost_usd=cost_of_machine(instance, now),
        generated_tokens=tokens,
        usd_per_million_tokens=price * served_h / tokens * MILLION if tokens and served_h else None,
        ends_at=ends_at,
        cost_at_end_usd=cost_of_machine(instance, max(ends_at, now)) if ends_at else None,
        detail=why,
    )


def _machine(cloud: CloudProvider, instance: Instance) -> tuple[MachineStatus | None, str]:
    """How the machine does, by its own word; else why nobody knows."""
    if not instance.address:
        return None, f"it is {instance.state}"
    machine = cloud.statuses(cloud.record(instance))[0]
    return machine, machine.detail if machine.state != "ready" else ""
