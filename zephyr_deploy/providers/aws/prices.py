"""What machines cost: on demand by the Price List's GetProducts, interruptible ones by EC2's spot price history."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from typing import Any

ENDPOINTS = ("us-east-1", "eu-central-1", "ap-south-1")
"""Where GetProducts can be asked; each answers for all regions."""
PAGE = 100
"""The most products of one answer."""
AT_ONCE = 8
LINUX = {
    "operatingSystem": "Linux",
    "tenancy": "Shared",
    "preInstalledSw": "NA",
    "capacitystatus": "Used",
}
"""What tells an ordinary machine from those with Windows, a host of their own, a licence or a reservation."""
GPU_FAMILY = "GPU instance"
"""As the Price List calls G and P types (seen of g4dn, g5, g6, p4d and p5); what it misses is asked for by name."""


def endpoint_for(region: str) -> str:
    """The nearest place where prices of ``region`` are said."""
    if region in ENDPOINTS:
        return region
    if region.startswith(("eu-", "af-", "il-")):
        return "eu-central-1"
    return "ap-south-1" if region.startswith(("ap-", "me-")) else "us-east-1"


def on_demand(pricing: Any, region: str, types: Iterable[str]) -> dict[str, float]:
    """USD per hour by type; a type that is missing is not sold on demand there.

    Args:
        pricing: boto3's client of the Price List, in `endpoint_for` that region.
        region: Where the machines are.
        types: Those that are wanted.

    Raises:
        botocore.exceptions.BotoCoreError, ClientError: it does not say.
    """
    wanted = set(types)
    found = dict(_products(pricing, region, {"instanceFamily": GPU_FAMILY}))
    missing = sorted(wanted - set(found))
    if missing:
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="prices") as pool:
            for products in pool.map(lambda name: list(_products(pricing, region, {"instanceType": name})), missing):
                found.update(products)
    return {name: usd for name, usd in found.items() if name in wanted}


def spot(ec2: Any, types: Iterable[str]) -> dict[str, dict[str, float]]:
    """USD per hour now, by type and zone, the cheapest zone first.

    Args:
        ec2: boto3's client of EC2, in the region of the machines.
        types: Those that are wanted.

    Raises:
        botocore.exceptions.BotoCoreError, ClientError: EC2 does not say.
    """
    newest: dict[tuple[str, str], tuple[datetime, float]] = {}
    pages = ec2.get_paginator("describe_spot_price_history").paginate(
        InstanceTypes=sorted(types),
        ProductDescriptions=["Linux/UNIX"],
        StartTime=datetime.now(timezone.utc),
    )
    for page in pages:
        for row in page["SpotPriceHistory"]:
            place, said = (row["InstanceType"], row["AvailabilityZone"]), (row["Timestamp"], float(row["SpotPrice"]))
            newest[place] = max(said, newest.get(place, said))
    prices: dict[str, dict[str, float]] = {}
    for (name, zone), (_, usd) in sorted(newest.items(), key=lambda item: (item[1][1], item[0])):
        prices.setdefault(name, {})[zone] = usd
    return prices


def _products(pricing: Any, region: str, about: dict[str, str]) -> Iterator[tuple[str, float]]:
    """Type and price of every ordinary machine that fits ``about``."""
    wanted = {"regionCode": region, **LINUX, **about}
    filters = [{"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in wanted.items()]
    pages = pricing.get_paginator("get_products").paginate(
        ServiceCode="AmazonEC2", Filters=filters, PaginationConfig={"PageSize": PAGE}
    )
    for page in pages:
        for text in page["PriceList"]:
            product = json.loads(text)
            usd = _hourly(product)
            if usd:
                yield product["product"]["attributes"]["instanceType"], usd


def _hourly(product: dict[str, Any]) -> float | None:
    """USD per hour; None where it is sold otherwise, e.g. only in blocks that are paid for beforehand."""
    for term in product.get("terms", {}).get("OnDemand", {}).values():
        for dimension in term["priceDimensions"].values():
            if dimension["unit"] == "Hrs" and float(dimension["pricePerUnit"].get("USD", 0)):
                return float(dimension["pricePerUnit"]["USD"])
    return None
