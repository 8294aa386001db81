"""From what clouds sell and what is needed to the machines that fit, and what stood in the way of the others: pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from zephyr_deploy.plan.gpus import gpus, meant
from zephyr_deploy.providers.clouds.types import Offer
from zephyr_deploy.spec.base import Frozen

FilterName = Literal["region", "gpu", "gpus", "min_memory", "spot", "available", "max_price"]


class Need(Frozen):
    """What a machine must have; None: anything will do."""

    gpu: str | None = None
    """As a user types it; see `zephyr_deploy.plan.gpus.meant`."""
    gpus: int = Field(1, ge=1)
    """At least so many."""
    min_memory_gib: float | None = Field(None, gt=0)
    """Of each GPU, as it is sold: an L4 counts as 24, whatever its driver leaves of them."""
    max_price_usd: float | None = Field(None, gt=0)
    """Of the machine, per hour."""
    spot: bool = False
    """Whether it may be one that can be taken away at any time."""
    region: str | None = None


class Removed(Frozen):
    """What one filter did."""

    filter: FilterName
    wanted: str
    """For people, e.g. at most $2.50 an hour."""
    count: int
    """How many offers it removed; one that several would remove is counted by the first."""
    nearest: Offer
    """Of those, the one with the least in its way."""


class Choice(Frozen):
    """What was found."""

    fits: tuple[Offer, ...]
    """Cheapest first; of two with one price, the one with fewer GPUs too many."""
    removed: tuple[Removed, ...]


def choose(offers: Iterable[Offer], need: Need) -> Choice:
    """Choose machines.

    Raises:
        ConfigError: nobody knows such a GPU.
    """
    filters = _filters(need)
    fits: list[Offer] = []
    caught: dict[FilterName, list[Offer]] = {each.name: [] for each in filters}
    for offer in offers:
        first = next((each for each in filters if not each.passes(offer)), None)
        (caught[first.name] if first else fits).append(offer)

    def in_the_way(offer: Offer) -> tuple[object, ...]:
        missed = [each for each in filters if not each.passes(offer)]
        return len(missed), missed[0].distance(offer), *_order(offer, need)

    removed = [
        Removed(filter=each.name, wanted=each.wanted, count=len(found), nearest=min(found, key=in_the_way))
        for each in filters
        if (found := caught[each.name])
    ]
    return Choice(fits=tuple(sorted(fits, key=lambda offer: _order(offer, need))), removed=tuple(removed))


def memory_as_sold(offer: Offer) -> float:
    """GB of each GPU as people speak of it, e.g. 24 for an L4, of which its driver shows 22.5 GiB."""
    known = gpus().get(offer.gpu)
    return max(offer.gpu_memory_gib, float(known.memory_gb) if known else 0.0)


def _none(_offer: Offer) -> float:
    return 0.0


@dataclass(frozen=True)
class _Filter:
    name: FilterName
    wanted: str
    passes: Callable[[Offer], bool]
    distance: Callable[[Offer], float] = _none
    """How far off one is that does not pass."""


def _filters(need: Need) -> list[_Filter]:
    """In the order in which they are asked; the price comes last, so that it counts only what is good enough."""
    cards = {gpu.key: gpu.memory_gb for gpu in meant(need.gpu)} if need.gpu else {}
    memory, price = need.min_memory_gib or 0.0, need.max_price_usd or float("inf")
    count = f"{need.gpus} GPUs" if need.gpus > 1 else "one GPU"
    return [
        _Filter("region", f"in {need.region}", lambda offer: need.region in {None, offer.region}),
        _Filter(
            "gpu",
            f"with {need.gpu}",
            lambda offer: not cards or offer.gpu in cards,
            lambda offer: min(abs(gb - memory_as_sold(offer)) for gb in cards.values()),
        ),
        _Filter(
            "gpus",
            f"with {count} or more",
            lambda offer: offer.gpus >= need.gpus,
            lambda offer: need.gpus - offer.gpus,
        ),
        _Filter(
            "min_memory",
            f"with {memory:g} GB a GPU or more",
            lambda offer: memory_as_sold(offer) >= memory,
            lambda offer: memory - memory_as_sold(offer),
        ),
        _Filter("spot", "on demand", lambda offer: need.spot or not offer.spot),
        _Filter("available", "to be had now", lambda offer: offer.available is not False),
        _Filter("max_price", f"for ${price:.2f} an hour or less", lambda offer: offer.price_per_hour_usd <= price),
    ]


def _order(offer: Offer, need: Need) -> tuple[object, ...]:
    """Total, so that the same offers give the same choice in whatever order they come."""
    return (
        offer.price_per_hour_usd,
        abs(offer.gpus - need.gpus),
        -memory_as_sold(offer),
        -offer.memory_gib,
        -offer.cpus,
        offer.spot,
        offer.provider,
        offer.region,
        offer.machine_type,
    )
