"""Machines that an earlier run may have ordered and never heard of: what a kill between call and answer leaves."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from pydantic import ValidationError

from zephyr_deploy.deploy.journal import Journal
from zephyr_deploy.providers.clouds.types import Order

if TYPE_CHECKING:
    from zephyr_deploy.deploy.journal import Entry
    from zephyr_deploy.providers.clouds.contract import CloudProvider
    from zephyr_deploy.providers.clouds.types import Instance

CREATE = "create"
LOOK_EVERY_S = 2.0


class Pending:
    """An order without a known end; its intent stands in the journal of the run that gave it."""

    def __init__(self, name: str, entry: Entry, order: Order) -> None:
        self.order = order
        self._at = entry.at
        self._journal = Journal(name, run=entry.run)

    def made(self, instance: Instance) -> None:
        """Write that it was carried out after all."""
        self._journal.done(CREATE, id=instance.id)

    def came_to_nothing(self, cause: str) -> None:
        """Write that there is no such machine."""
        self._journal.failed(CREATE, cause=cause)

    def left_s(self, cloud: CloudProvider) -> float:
        """How long the cloud may still leave it out of its lists, in seconds."""
        return cloud.settle_s - (datetime.now(timezone.utc) - self._at).total_seconds()

    def appears(self, cloud: CloudProvider) -> Instance | None:
        """The machine, as soon as a list has it; None once every list would."""
        return appears(cloud, self.order, self.left_s(cloud))


def pending(name: str, cloud: CloudProvider) -> list[Pending]:
    """The orders to this cloud that no end was written of; what cannot be read any more is passed over."""
    found = []
    for entry in Journal(name).unfinished():
        if entry.step == CREATE and "order" in entry.facts:
            with suppress(ValidationError):
                order = Order.model_validate_json(entry.facts["order"])
                if order.offer.provider == cloud.name:
                    found.append(Pending(name, entry, order))
    return found


def appears(cloud: CloudProvider, order: Order, within_s: float) -> Instance | None:
    """The machine of an order as soon as the cloud lists it; None if that takes longer than ``within_s``."""
    end = time.monotonic() + within_s
    while True:
        for instance in cloud.instances(order.stamp.deployment):
            if instance.stamp.run == order.stamp.run:
                return instance
        left = end - time.monotonic()
        if left <= 0:
            return None
        time.sleep(min(LOOK_EVERY_S, left))
