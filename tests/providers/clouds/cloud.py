"""One cloud, and what tests do with it."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import Any

from lab.keys import make_key
from providers.clouds.kinds import Kind

from zephyr_deploy.errors import InUseError
from zephyr_deploy.providers.clouds.contract import CloudProvider
from zephyr_deploy.providers.clouds.stamp import Stamp
from zephyr_deploy.providers.clouds.types import Instance, Order

SOON_S = 10.0
EXPIRES = datetime(2030, 1, 2, 3, 4, 5, tzinfo=timezone.utc)


class Notes:
    """A ledger that tests read."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def intend(self, step: str, **facts: str) -> None:
        self.lines.append(("intent", step))

    def done(self, step: str, **facts: str) -> None:
        self.lines.append(("done", step))

    def failed(self, step: str, **facts: str) -> None:
        self.lines.append(("failed", step))

    def open(self) -> list[str]:
        """Steps that were begun and not ended."""
        begun = [step for stage, step in self.lines if stage == "intent"]
        for stage, step in self.lines:
            if stage != "intent":
                begun.remove(step)
        return begun


class Cloud:
    """One cloud, and what tests do with it."""

    def __init__(self, kind: Kind, emulator: Any) -> None:
        self.kind, self.emulator, self.wire = kind, emulator, emulator.wire
        self.provider: Any = kind.provider()
        self.key = make_key()
        self.notes = Notes()

    def another(self) -> CloudProvider:
        """The provider as another process has it."""
        return self.kind.provider()

    def order(self, name: str = "shop", run: str = "0123abcd", **changes: Any) -> Order:
        """For the cheapest machine, in its first zone; not ready."""
        offer = self.provider.offers()[0]
        stamp = Stamp(deployment=name, run=run, expires=EXPIRES, price_per_hour_usd=offer.price_per_hour_usd)
        given = {
            "stamp": stamp,
            "offer": offer,
            "zone": self.provider.zones(offer)[0],
            "token": f"{name}-{run}",
            "public_key": self.key.public,
            "allowed": "203.0.113.7/32",
            "disk_gb": 100,
            "user_data": "#cloud-config\n{}\n",
        }
        return Order(**{**given, **changes})

    def ready(self, name: str = "shop", run: str = "0123abcd") -> Order:
        """An order with its parts."""
        return self.provider.ready(self.order(name, run), self.notes)

    def machine(self, name: str = "shop", run: str = "0123abcd") -> Instance:
        """One that runs."""
        return self.when(self.provider.create(self.ready(name, run)), "running")

    def when(self, instance: Instance, state: str) -> Instance:
        """The machine, once it is so."""
        return self.until(lambda: (found := self.provider.get(instance)).state == state and found)

    def count(self, action: str) -> int:
        """How many such calls were made."""
        return sum(action in asked for asked in self.wire.actions())

    def vanish(self, name: str) -> None:
        """Delete everything of a deployment."""

        def gone() -> bool:
            left = self.provider.resources(name)
            for resource in left:
                try:
                    self.provider.delete(resource)
                except InUseError:
                    break
            return not left

        self.until(gone)

    @staticmethod
    def until(found: Any) -> Any:
        """What it finds, as soon as it is something."""
        end = time.monotonic() + SOON_S
        while not (something := found()):
            assert time.monotonic() < end, "waited too long"
            time.sleep(0.05)
        return something
