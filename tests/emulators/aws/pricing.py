"""What machines cost: the Price List's GetProducts, and EC2's DescribeSpotPriceHistory.

Prices are those of this project's table, dearer by a fifth in ap-south-1. Left out: every product but Linux machines
with GPUs and some that differ from them in one attribute, reserved terms, and filters other than TERM_MATCH.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from functools import cache
from typing import Any

from emulators.aws.account import Account
from emulators.aws.chain import Answer, Call, Onward, Part, refused, said
from moto.ec2.models.instance_types import INSTANCE_TYPE_OFFERINGS

from zephyr_deploy.providers.aws.machines import MachineType, aws_table

ENDPOINTS = ("us-east-1", "eu-central-1", "ap-south-1")
"""Regions where GetProducts can be asked."""
FACTORS = {"ap-south-1": 1.2}
SPOT = 0.35
"""Of the price on demand, in the first zone; in each further one it is a twentieth dearer."""
PAGE = 100
COMMON = {
    "servicecode": "AmazonEC2",
    "instanceFamily": "GPU instance",
    "operatingSystem": "Linux",
    "tenancy": "Shared",
    "preInstalledSw": "NA",
    "capacitystatus": "Used",
    "marketoption": "OnDemand",
}
OTHERS = (
    ({"operatingSystem": "Windows"}, 1.4),
    ({"tenancy": "Dedicated"}, 1.1),
    ({"preInstalledSw": "SQL Std"}, 2.0),
    ({"capacitystatus": "UnusedCapacityReservation"}, 1.0),
    ({"capacitystatus": "AllocatedCapacityReservation"}, 0.0),
)
"""Products that a caller does not mean who forgets a filter, and how much dearer they are."""


def pricing(_account: Account) -> Part:
    """GetProducts."""

    def part(call: Call, onward: Onward) -> Answer:
        if call.service != "pricing":
            return onward(call)
        if call.region not in ENDPOINTS:
            return refused(call, "UnrecognizedClientException", "There is no such endpoint")
        if any(one["Type"] != "TERM_MATCH" for one in call.params["Filters"]):
            return refused(call, "InvalidParameterException", "Left out of this emulator")
        wanted = {one["Field"]: one["Value"] for one in call.params["Filters"]}
        found = [json.dumps(one) for one in _products() if wanted.items() <= one["product"]["attributes"].items()]
        start = int(call.params.get("NextToken") or 0)
        end = start + min(int(call.params.get("MaxResults", PAGE)), PAGE)
        more = {"NextToken": str(end)} if end < len(found) else {}
        return said(call, {"FormatVersion": "aws_v1", "PriceList": found[start:end], **more})

    return part


def spot_prices(_account: Account) -> Part:
    """DescribeSpotPriceHistory: the price that holds now."""

    def part(call: Call, onward: Onward) -> Answer:
        if call.action != "DescribeSpotPriceHistory":
            return onward(call)
        items = "".join(_item(*row) for name in call.listed("InstanceType") for row in _spot(call.region, name))
        return said(call, f"<spotPriceHistorySet>{items}</spotPriceHistorySet><nextToken></nextToken>")

    return part


def price(region: str, machine: MachineType) -> float | None:
    """Per hour on demand; None: it is not sold so."""
    base = machine.usd.get("us-east-1")
    if machine.type.startswith("g7e."):
        base = 2.5 * machine.gpus
    return round(base * FACTORS.get(region, 1.0), 4) if base else None


def _spot(region: str, name: str) -> Iterator[tuple[str, str, float]]:
    machine = aws_table().machine(name)
    on_demand = price(region, machine) if machine else None
    sold = [
        one["Location"] for one in INSTANCE_TYPE_OFFERINGS["availability-zone"][region] if one["InstanceType"] == name
    ]
    for number, zone in enumerate(sorted(sold)):
        if on_demand:
            yield name, zone, on_demand * SPOT * (1 + number / 20)


def _item(name: str, zone: str, usd: float) -> str:
    now = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    return (
        f"<item><instanceType>{name}</instanceType><productDescription>Linux/UNIX</productDescription>"
        f"<spotPrice>{usd:.6f}</spotPrice><timestamp>{now}</timestamp><availabilityZone>{zone}</availabilityZone></item>"
    )


@cache
def _products() -> list[dict[str, Any]]:
    found = []
    for region in ("us-east-1", "us-west-2", "ap-south-1"):
        sold = {one["InstanceType"] for one in INSTANCE_TYPE_OFFERINGS["region"][region]}
        for machine in aws_table().machines:
            usd = price(region, machine)
            if usd is None or machine.type not in sold:
                continue
            for changes, factor in (*OTHERS, ({}, 1.0)):
                found.append(_product(len(found), region, machine, usd * factor, changes))
    return found


def _product(number: int, region: str, machine: MachineType, usd: float, changes: dict[str, str]) -> dict[str, Any]:
    sku, facts = f"SKU{number:013d}", {"instanceType": machine.type, "regionCode": region, "vcpu": str(machine.cpus)}
    dimension = {
        "unit": "Hrs",
        "description": f"${usd:.4f} per On Demand {machine.type} Instance Hour",
        "pricePerUnit": {"USD": f"{usd:.10f}"},
    }
    term = {"sku": sku, "priceDimensions": {f"{sku}.JRTCKXETXF.6YS6EN2CT7": dimension}}
    return {
        "product": {"productFamily": "Compute Instance", "sku": sku, "attributes": {**COMMON, **facts, **changes}},
        "serviceCode": "AmazonEC2",
        "terms": {"OnDemand": {f"{sku}.JRTCKXETXF": term}},
    }
