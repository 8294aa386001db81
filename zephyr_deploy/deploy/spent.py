"""What machines and services cost: their price by the hour, for as long as they are there. Said here alone."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zephyr_deploy.providers.base import Service
    from zephyr_deploy.providers.clouds.types import Instance, Resource

HOUR = timedelta(hours=1)


def cost_usd(price_per_hour_usd: float, since: datetime, until: datetime) -> float:
    """What comes together from ``since`` until ``until``, in USD; never less than nothing, whatever clocks say."""
    return price_per_hour_usd * max(0.0, (until - since) / HOUR)


def cost_of_machine(machine: Instance | Resource, until: datetime) -> float | None:
    """What a machine in a cloud costs until then, in USD, at the price on it; None: nobody knows since when it is."""
    since = machine.created_at
    return cost_usd(machine.stamp.price_per_hour_usd, since, until) if since else None


def cost_of_machines(things: Iterable[Resource]) -> float:
    """What those of them that are machines have cost by now, in USD, as far as it is known."""
    now = datetime.now(timezone.utc)
    return sum(cost_of_machine(thing, now) or 0.0 for thing in things if thing.kind == "instance")


def cost_of_service(service: Service) -> float:
    """What a service has cost by now, in USD: since its machine was made, or else since it was started."""
    since = service.rented_at or service.started_at
    return cost_usd(service.price_per_hour_usd, since, datetime.now(timezone.utc))
