"""What E2E sells, resolved when it is asked for: a plan's full name differs by system and location."""

from __future__ import annotations

import re
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from zephyr_deploy.plan.gpus import known_as
from zephyr_deploy.providers.clouds.types import Offer, Sold
from zephyr_deploy.resources import shipped_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zephyr_deploy.providers.e2e.client import E2eClient

SYSTEM = "ubuntu"
"""What the playbooks prepare."""
RUPEES, DOLLARS = "INR", "USD"
"""The currencies that E2E is known to state prices in."""


class Card(NamedTuple):
    """The GPUs of a plan."""

    key: str
    gpus: int
    memory_gib: float


def sold(client: E2eClient, location: str) -> Sold:
    """Every plan with a GPU, and by which rate rupees are compared with dollars.

    Raises:
        As `E2eClient.get`.
    """
    found = offers(client, location)
    rupees = any(offer.price.endswith(RUPEES) for offer in found)
    rate = f"prices in {RUPEES} are compared at {table()['inr_per_usd']:g} a dollar, the rate of {table()['as_of']}"
    return Sold(offers=tuple(found), remarks=(f"{location}: {rate}",) if rupees else ())


def offers(client: E2eClient, location: str) -> list[Offer]:
    """Every plan with a GPU, each with its newest Ubuntu, cheapest first.

    Raises:
        As `E2eClient.get`.
    """
    newest: dict[str, tuple[tuple[int, ...], Offer]] = {}
    for row in _rows(client, location):
        offer, version = _offer(row, location), _version(row)
        if offer and version >= newest.get(offer.machine_type, ((), None))[0]:
            newest[offer.machine_type] = (version, offer)
    return sorted((offer for _, offer in newest.values()), key=lambda offer: offer.price_per_hour_usd)


def _rows(client: E2eClient, location: str) -> Iterator[dict[str, Any]]:
    """The plans of each Ubuntu; of those under a heading of GPUs alone, where there is one."""
    listed = client.get("/images/os-category/", location=location).data["category_list"]
    found = [
        (str(category), version)
        for group in listed
        for category in group.get("category") or []
        for version in group.get("version") or []
        if str(version.get("os", "")).lower() == SYSTEM
    ]
    gpu = [(category, version) for category, version in found if "gpu" in category.lower()]
    for category, version in gpu or found:
        query = {
            "display_category": category,
            "category": str(version.get("sub_category") or version["os"]),
            "os": str(version["os"]),
            "osversion": str(version["version"]),
        }
        yield from client.get("/images/", location=location, **query).data


def _offer(row: dict[str, Any], location: str) -> Offer | None:
    """A plan as an offer; None where it has no GPU, another system, or no price that anybody knows."""
    card = _card(row)
    if card is None or SYSTEM not in str(row.get("image")).lower():
        return None
    specs, available = row.get("specs") or {}, row.get("available_inventory_status")
    price, currency, priced_on = _price(row, card)
    if price <= 0 or currency not in {RUPEES, DOLLARS}:
        return None
    return Offer(
        provider="e2e",
        region=location,
        machine_type=str(row["name"]),
        gpu=card.key,
        gpus=card.gpus,
        gpu_memory_gib=card.memory_gib,
        cpus=int(specs.get("cpu") or 0),
        memory_gib=float(specs.get("ram") or 0),
        price_per_hour_usd=price if currency == DOLLARS else round(price / table()["inr_per_usd"], 4),
        price="" if currency == DOLLARS else f"{price:g} {currency}",
        priced_on=priced_on,
        available=available if isinstance(available, bool) else None,
        details={"plan": str(row["plan"]), "image": str(row["image"])},
    )


def _card(row: dict[str, Any]) -> Card | None:
    """The GPUs of a plan: as its details say, else as its name does; None where it has none that is known."""
    details = row.get("gpu_card_details") or {}
    system = row.get("os") or {}
    marks = (bool(details), "gpu" in str(row.get("image")).lower(), str(system.get("category")).lower() == "gpu")
    if not any(marks):
        return None
    named = re.search(r"(?:(\d+)x)?([A-Z]+\d+\w*)", str(row.get("name", "")).partition(".")[2])
    card = details.get("CARD_TYPE") or details.get("CARD_NAME") or (named[2] if named else "")
    form = re.search(r"SXM|PCIe", f"{row.get('name')} {details.get('CARD_NAME')}", re.IGNORECASE)
    memory = float(details.get("UNIT_MEMORY") or 0)
    known = known_as(f"{card} {form[0] if form else ''}", memory or None)
    count = int(details.get("UNIT_COUNT") or (named[1] if named else None) or 1)
    if known:
        return Card(known.key, count, memory or known.memory_gb)
    return Card(re.sub(r"nvidia-?", "", card.lower()), count, memory) if card and memory else None


def _price(row: dict[str, Any], card: Card) -> tuple[float, str, date | None]:
    """Per hour, in which currency, and when it was read, where the plan comes without one."""
    said = float((row.get("specs") or {}).get("price_per_hour") or 0)
    if said > 0:
        return said, str(row.get("currency") or RUPEES), None
    return card.gpus * float(table()["inr_per_hour"].get(card.key, 0)), RUPEES, table()["as_of"]


def _version(row: dict[str, Any]) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", str((row.get("os") or {}).get("version")))))


@cache
def table() -> dict[str, Any]:
    """The rate and the prices of ``data/e2e.toml``."""
    return shipped_table("e2e")
