"""`gpus`: every card that is known, and what it costs where."""

from __future__ import annotations

from zephyr_deploy.plan.gpus import Gpu, gpus, meant
from zephyr_deploy.plan.prices import Price, prices
from zephyr_deploy.spec.base import Frozen

CENTS = 4
"""Digits behind the point in which prices of a GPU differ; shares of a machine's price have more."""


class Card(Frozen):
    """A card and the machines that have it."""

    gpu: Gpu
    prices: tuple[Price, ...]
    """Cheapest by the GPU first."""

    @property
    def cheapest(self) -> Price | None:
        """By the GPU, among those machines that `up` can order, else among all."""
        return next((price for price in self.prices if price.orderable), next(iter(self.prices), None))


def cards(name: str | None = None) -> tuple[Card, ...]:
    """Every card, or those that ``name`` may mean, those with the least memory first.

    Raises:
        ConfigError: nobody knows a card of that name; the user's own file says what cannot be.
    """
    found = sorted(meant(name) if name else gpus().values(), key=lambda gpu: (gpu.memory_mib, gpu.key))
    known = sorted(prices(), key=lambda price: (round(price.usd_per_gpu_hour, CENTS), price.gpus))
    return tuple(Card(gpu=gpu, prices=tuple(price for price in known if price.gpu == gpu.key)) for gpu in found)
