"""`gc --warn`: machines in clouds that end soon, or have cost what they may; nothing is changed."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Literal

from zephyr_deploy.deploy.known import of_each, required_clouds
from zephyr_deploy.deploy.spent import cost_of_machine
from zephyr_deploy.spec.base import Frozen, ProviderName

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from decimal import Decimal

    from zephyr_deploy.providers.clouds.types import Instance

SHARES = (100, 80)
"""Parts of a budget that are warned of, in percent, the largest first."""
COSTING = {"starting", "running", "stopped"}
"""States of a machine of which somebody should know; of one that is off, some clouds take money, too."""


class Warned(Frozen):
    """One thing to be known of one machine."""

    event: Literal["expiring", "budget"]
    deployment: str
    provider: ProviderName
    region: str
    machine: str
    """The cloud's own name for it."""
    machine_type: str
    ends_at: datetime | None = None
    """When its time is over, by its cloud; None: never."""
    price_per_hour_usd: float
    cost_usd: float | None = None
    """So far; None: nobody knows since when it is."""
    budget_usd: float | None = None
    """What it may cost; None: nothing is known of that."""
    share: int | None = None
    """Which part of the budget is spent, at least, in percent."""

    @property
    def id(self) -> str:
        """The same as long as there is nothing new to be known."""
        what = self.share if self.event == "budget" else int(self.ends_at.timestamp()) if self.ends_at else 0
        return f"{self.event}_{self.machine}_{what}"


def warnings(
    within: timedelta, budgets: Mapping[str, Decimal], on_trouble: Callable[[str], None] | None = None
) -> list[Warned]:
    """What there is to be known of the machines in all clouds whose credentials are at hand.

    Args:
        within: A machine that ends within this time is told of, and one that should have ended.
        budgets: What the machine of a deployment may cost, in USD, by name; clouds do not keep it.
        on_trouble: Told of a cloud that cannot be asked, and why; None: that is an error.

    Raises:
        CredentialsError: there are credentials for no cloud.
        ZephyrError: a cloud cannot be asked, and nobody is told.
    """
    now = datetime.now(timezone.utc)
    machines = of_each(required_clouds(), lambda one: one.instances(), on_trouble)
    costing = (machine for machine in machines if machine.state in COSTING)
    found = [said for machine in costing for said in _of(machine, now, within, budgets.get(machine.stamp.deployment))]
    return sorted(found, key=lambda one: (one.deployment, one.event, one.machine))


def _of(instance: Instance, now: datetime, within: timedelta, budget: Decimal | None) -> Iterator[Warned]:
    ends_at, cost = instance.stamp.expires, cost_of_machine(instance, now)

    def warned(event: Literal["expiring", "budget"], share: int | None = None) -> Warned:
        return Warned(
            event=event,
            deployment=instance.stamp.deployment,
            provider=instance.provider,
            region=instance.region,
            machine=instance.id,
            machine_type=instance.machine_type,
            ends_at=ends_at,
            price_per_hour_usd=instance.stamp.price_per_hour_usd,
            cost_usd=cost,
            budget_usd=float(budget) if budget is not None else None,
            share=share,
        )

    if ends_at is not None and ends_at <= now + within:
        yield warned("expiring")
    if budget is not None and cost is not None:
        spent = [share for share in SHARES if cost * 100 >= share * float(budget)]
        if spent:
            yield warned("budget", spent[0])
