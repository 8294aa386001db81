"""What tests of the provider order, and where they write it down."""

from __future__ import annotations

from datetime import datetime, timezone

from lab.keys import make_key

from zephyr_deploy.providers.clouds.stamp import Stamp
from zephyr_deploy.providers.clouds.types import Order
from zephyr_deploy.providers.e2e.provider import E2eProvider

KEY = make_key().public


class Noted:
    """A ledger in memory."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, dict[str, str]]] = []

    def intend(self, step: str, **facts: str) -> None:
        self.lines.append(("intent", step, facts))

    def done(self, step: str, **facts: str) -> None:
        self.lines.append(("done", step, facts))

    def failed(self, step: str, **facts: str) -> None:
        self.lines.append(("failed", step, facts))


def order(cloud: E2eProvider, name: str = "demo", run: str = "0123abcd", **changes) -> Order:
    """An order of an A100, with nothing made for it yet."""
    offer = next(one for one in cloud.offers() if one.gpu == "a100-80")
    stamp = Stamp(
        deployment=name,
        run=run,
        expires=datetime(2026, 12, 1, 8, tzinfo=timezone.utc),
        price_per_hour_usd=offer.price_per_hour_usd,
    )
    given = {"stamp": stamp, "offer": offer, "token": "t", "public_key": KEY, "allowed": "203.0.113.7/32"}
    return Order(**{**given, "disk_gb": 100, **changes})
