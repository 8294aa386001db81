"""How long a machine may live by what it may cost."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from zephyr_deploy.errors import ConfigError

if TYPE_CHECKING:
    from zephyr_deploy.spec.deployment import Cost

LEAST = timedelta(minutes=15)
"""What a machine needs to boot, to be prepared and to load a model: less would be paid for nothing."""


def lifetime(cost: Cost, price_per_hour_usd: float) -> timedelta | None:
    """The shorter of ``ttl`` and what the budget pays for, to the second; None: for ever.

    Args:
        cost: What the user has set.
        price_per_hour_usd: Of the machine; where it is 0, no budget is ever spent.

    Raises:
        ConfigError: the budget does not pay for a quarter of an hour.
    """
    if cost.budget_usd is None or price_per_hour_usd <= 0:
        return cost.ttl
    try:
        paid = timedelta(seconds=int(float(cost.budget_usd) / price_per_hour_usd * 3600))
    except OverflowError:
        return cost.ttl
    if paid < LEAST:
        said = f"a budget of ${cost.budget_usd} pays for {paid} at ${price_per_hour_usd:.2f} an hour"
        raise ConfigError(f"{said}, in which no model is served", hint="Give more, or ask for a cheaper machine.")
    return paid if cost.ttl is None else min(cost.ttl, paid)
