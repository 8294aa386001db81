"""What was made so short a time ago that a cloud's lists may lack it: this user's journal has it."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from pydantic import ValidationError

from zephyr_deploy.deploy.clouds.pending import CREATE
from zephyr_deploy.deploy.journal import Journal
from zephyr_deploy.providers.clouds.types import KINDS, Instance, Order

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from zephyr_deploy.deploy.journal import Entry
    from zephyr_deploy.providers.clouds.contract import CloudProvider

MAKING = {CREATE, *KINDS}
"""Steps that make something."""
DELETE = "delete"


def machines_made_lately(name: str, cloud: CloudProvider) -> list[Instance]:
    """Those that an order is known to have made, and that exist: each was asked for by its id.

    Raises:
        ZephyrError: the cloud cannot be asked.
    """
    lately = [_instance(order, entry) for order, entry in _carried_out(name, cloud) if _left_s(entry, cloud) > 0]
    return [instance for instance in map(cloud.get, lately) if instance.state not in {"gone", "stopping"}]


def machines_made(name: str, cloud: CloudProvider) -> list[Instance]:
    """Those that orders have made and nobody here has deleted, the last one last; whether they exist is not asked."""
    deleted = {e.facts.get("id") for e in Journal(name).entries() if e.step == DELETE and e.stage == "done"}
    return [_instance(order, entry) for order, entry in _carried_out(name, cloud) if entry.facts["id"] not in deleted]


def _carried_out(name: str, cloud: CloudProvider) -> Iterator[tuple[Order, Entry]]:
    """Each order to this cloud that was carried out, with what was written of that."""
    orders: dict[str, Order] = {}
    for entry in Journal(name).entries():
        if entry.step == CREATE and "order" in entry.facts:
            with suppress(ValidationError):
                orders[entry.run] = Order.model_validate_json(entry.facts["order"])
        order = orders.get(entry.run)
        if order and _made(entry) and order.offer.provider == cloud.name:
            yield order, entry


def missing_s(name: str, cloud: CloudProvider, seen: Collection[str]) -> float:
    """How much longer lists may lack something that was begun, in seconds; 0 where all of it was seen, or refused.

    Args:
        name: Of the deployment.
        cloud: Whose lists they are.
        seen: Ids of what lists have had.
    """
    begun: dict[tuple[str, str], Entry] = {}
    deleted: set[str] = set()
    for entry in Journal(name).entries():
        if entry.step == DELETE and entry.stage == "done":
            deleted.add(entry.facts.get("id", ""))
        elif entry.step in MAKING and entry.stage == "failed":
            begun.pop((entry.run, entry.step), None)
        elif entry.step in MAKING:
            begun[entry.run, entry.step] = entry
    known = {*seen, *deleted}
    waits = [_left_s(entry, cloud) for entry in begun.values() if not _is_known(entry, known)]
    return max([0.0, *waits])


def _is_known(entry: Entry, known: Collection[str]) -> bool:
    """Whether there is nothing to wait for: it was seen, or was there before."""
    return entry.stage == "done" and entry.facts.get("id", "") in {"", *known}


def _made(entry: Entry) -> bool:
    return entry.step == CREATE and entry.stage == "done" and "id" in entry.facts


def _left_s(entry: Entry, cloud: CloudProvider) -> float:
    return cloud.settle_s - (datetime.now(timezone.utc) - entry.at).total_seconds()


def _instance(order: Order, made: Entry) -> Instance:
    """As much of it as this user knows; `CloudProvider.get` says the rest, and by its age whether it is there."""
    return Instance(
        provider=order.offer.provider,
        id=made.facts["id"],
        region=order.offer.region,
        zone=order.zone,
        state="starting",
        machine_type=order.offer.machine_type,
        user="root",
        created_at=made.at,
        spot=order.offer.spot,
        stamp=order.stamp,
    )
