"""What AWS sells in a region: the types that are there, at the prices of now, else at those of the table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zephyr_deploy.errors import ZephyrError
from zephyr_deploy.providers.aws import prices
from zephyr_deploy.providers.aws.errors import reading
from zephyr_deploy.providers.aws.machines import aws_table
from zephyr_deploy.providers.clouds.types import Offer, Sold

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from zephyr_deploy.providers.aws.machines import MachineType
    from zephyr_deploy.providers.aws.session import AwsSession

MAX_FILTER_VALUES = 200
"""Of one filter of an EC2 call."""
SHOWN = 3
"""So many names stand for a longer list."""
TO_SEE_PRICES = "Let the credentials call pricing:GetProducts to see them."


def sold(session: AwsSession, region: str) -> Sold:
    """Every machine with a GPU that can be had there, on demand and interruptible.

    Raises:
        ZephyrError: EC2 does not say what it has.
    """
    ec2 = session.ec2(region)
    with reading("ec2:DescribeInstanceTypeOfferings"):
        here = _offered(ec2)
    on_demand, priced_on, notes = _on_demand(session, region, here)
    spot, of_spot = _spot(ec2, here)
    found = [
        *(_offer(region, one, on_demand[one.type], priced_on=priced_on) for one in here if one.type in on_demand),
        *(_offer(region, one, min(spot[one.type].values()), zones=spot[one.type]) for one in here if one.type in spot),
    ]
    return Sold(
        offers=tuple(sorted(found, key=lambda offer: (offer.price_per_hour_usd, offer.machine_type))),
        notes=(*notes, *of_spot),
    )


def _offered(ec2: Any) -> list[MachineType]:
    """The types of the table that the region has."""
    known = aws_table().machines
    names: set[str] = set()
    for start in range(0, len(known), MAX_FILTER_VALUES):
        some = [machine.type for machine in known[start : start + MAX_FILTER_VALUES]]
        pages = ec2.get_paginator("describe_instance_type_offerings").paginate(
            LocationType="region", Filters=[{"Name": "instance-type", "Values": some}]
        )
        names.update(one["InstanceType"] for page in pages for one in page["InstanceTypeOfferings"])
    return [machine for machine in known if machine.type in names]


def _on_demand(
    session: AwsSession, region: str, here: Sequence[MachineType]
) -> tuple[dict[str, float], date | None, tuple[str, ...]]:
    """Prices by type, the day they are of where that is not today, and what is to be said of them."""
    try:
        pricing = session.client("pricing", prices.endpoint_for(region))
        with reading("pricing:GetProducts"):
            return prices.on_demand(pricing, region, [machine.type for machine in here]), None, ()
    except ZephyrError as error:
        why = _reason(error)
    table = aws_table()
    known = {machine.type: machine.usd[region] for machine in here if region in machine.usd}
    note = f"AWS does not say its prices ({why}); those of {region} are of {table.priced_on}. {TO_SEE_PRICES}"
    missing = [machine.type for machine in here if machine.type not in known]
    left_out = f"Left out in {region}, for want of a price ({why}): {_some(missing)}. {TO_SEE_PRICES}"
    return known, table.priced_on, (*([note] if known else []), *([left_out] if missing else []))


def _some(names: Sequence[str]) -> str:
    more = len(names) - SHOWN
    return f"{', '.join(names[:SHOWN])}{f' and {more} more' if more > 0 else ''}"


def _spot(ec2: Any, here: Sequence[MachineType]) -> tuple[dict[str, dict[str, float]], tuple[str, ...]]:
    """Prices by type and zone, and what is to be said of them."""
    try:
        with reading("ec2:DescribeSpotPriceHistory"):
            return prices.spot(ec2, [machine.type for machine in here]), ()
    except ZephyrError as error:
        return {}, (f"Interruptible machines are left out: AWS does not say their prices ({_reason(error)}).",)


def _reason(error: ZephyrError) -> str:
    """AWS's code where it has given one: its words may hold an account and a role."""
    return str(error.details.get("code") or error.message)


def _offer(
    region: str,
    machine: MachineType,
    usd: float,
    *,
    priced_on: date | None = None,
    zones: Iterable[str] | None = None,
) -> Offer:
    """One offer; with ``zones``, those where it is interruptible, the cheapest first."""
    return Offer(
        provider="aws",
        region=region,
        machine_type=machine.type,
        gpu=machine.gpu,
        gpus=machine.gpus,
        gpu_memory_gib=machine.gpu_memory_gib,
        cpus=machine.cpus,
        memory_gib=machine.memory_gib,
        price_per_hour_usd=usd,
        priced_on=priced_on,
        spot=zones is not None,
        details={"family": machine.family, **({"zones": " ".join(zones)} if zones is not None else {})},
    )
