"""What kind of machine a deployment wants from a cloud, and in which order places are tried."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from zephyr_deploy.deploy.clouds.exposing import openings
from zephyr_deploy.deploy.clouds.launch import Wanted
from zephyr_deploy.deploy.clouds.roomy import Room
from zephyr_deploy.errors import ConfigError, NoCapacityError, ZephyrError
from zephyr_deploy.providers.clouds.choose import Need, choose
from zephyr_deploy.release.caddy import exposure_of
from zephyr_deploy.spec.lifetime import lifetime

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zephyr_deploy.providers.clouds.choose import Choice
    from zephyr_deploy.providers.clouds.contract import CloudProvider
    from zephyr_deploy.providers.clouds.types import Offer
    from zephyr_deploy.spec.deployment import Cost, Deployment

DISK_GB = 150
"""Room for the system, two images of an engine of 15 GB and the weights of a 7B model several times over."""
LEAST_GIB = 24.0
"""Of a GPU where none is named and the model is not known: one of 7B in bf16 takes 15 GB, its KV cache wants some."""
DEARER = 2.0
"""How many times the price of the first machine is still tried, where the user gave no limit."""
AT_ONCE = 8
NEW = "machine"
"""Stands for the address of a machine that is not there yet, which no public authority would vouch for either."""


def wanted(cloud: CloudProvider, deployment: Deployment) -> Wanted:
    """The machine that is to be ordered.

    Raises:
        NoCapacityError: the cloud sells none that fits, or has room for the model; says what stood in the way.
        ConfigError: nobody knows such a GPU; the budget pays for none of the machines.
        ZephyrError: the cloud cannot be asked what it sells.
    """
    machine = deployment.machine
    offers, notes, remarks = _everywhere(cloud, machine.region)
    room = Room.of(deployment)
    choice = choose(offers, need_of(deployment, room))
    fits = room.among(choice.fits)
    if not fits:
        raise nothing_fits(cloud.name, choice, [*room.refusals(choice.fits), *notes])
    # What is near comes first, and then what is cheap.
    ordered = sorted(fits, key=lambda offer: offer.region != offers[0].region)
    if deployment.cost.max_hourly_usd is None:
        ordered = like_the_first(ordered)
    return Wanted(
        offers=_paid_for(ordered, deployment.cost),
        disk_gb=machine.disk_gb or DISK_GB,
        cost=deployment.cost,
        notes=tuple(notes),
        remarks=tuple(remarks),
        opened_to=lambda caller: openings(exposure_of(deployment, NEW, caller)),
    )


def need_of(deployment: Deployment, room: Room | None = None) -> Need:
    """What the deployment asks of a machine; with ``room``, how much memory the model takes is asked of that."""
    machine, most = deployment.machine, deployment.cost.max_hourly_usd
    return Need(
        gpu=machine.gpu,
        gpus=machine.gpus or deployment.engine.num_shard or 1,
        min_memory_gib=None if machine.gpu or (room and room.knows) else LEAST_GIB,
        max_price_usd=float(most) if most else None,
        spot=machine.spot,
        region=machine.region,
    )


def like_the_first(ordered: Sequence[Offer]) -> list[Offer]:
    """Those that may stand in for the first where it is sold out, so that nobody pays for eight GPUs who wants one.

    They have no more GPUs, and cost at most `DEARER` times the first that cannot be taken away at any time.
    """
    first = next((offer for offer in ordered if not offer.spot), ordered[0])
    most = DEARER * first.price_per_hour_usd
    return [offer for offer in ordered if offer.gpus <= first.gpus and offer.price_per_hour_usd <= most]


def _paid_for(offers: list[Offer], cost: Cost) -> list[Offer]:
    """Those that the budget pays for as long as a machine takes to be of any use.

    Raises:
        ConfigError: there is none.
    """
    paid: list[Offer] = []
    refused: list[ConfigError] = []
    for offer in offers:
        try:
            lifetime(cost, offer.price_per_hour_usd)
        except ConfigError as error:
            refused.append(error)
        else:
            paid.append(offer)
    if not paid:
        raise refused[0]
    return paid


def nothing_fits(where: str, choice: Choice, notes: Sequence[str] = ()) -> NoCapacityError:
    """That there is no such machine, with what each filter removed, and what else is to be said of the offers."""
    table = "".join(
        f"\n  {removed.count} are not {removed.wanted}; nearest: {removed.nearest.machine_type} in "
        f"{removed.nearest.region}, ${removed.nearest.price_per_hour_usd:.2f} an hour"
        for removed in choice.removed
    )
    table += "".join(f"\n  {note}" for note in notes)
    hint = "Ask for less, or look at all there is: `zephyr-deploy offers`."
    details = {"removed": [removed.model_dump(mode="json") for removed in choice.removed]}
    return NoCapacityError(f"no machine fits of those that are sold by {where}{table}", hint=hint, details=details)


def regions_of(cloud: CloudProvider, region: str | None) -> tuple[str, ...]:
    """The named region, or all that the account has, the preferred one first.

    Raises:
        ConfigError: it has no such region: a cloud itself may answer that the credentials are wrong.
    """
    regions = cloud.regions()
    if region is None:
        return regions
    if region not in regions:
        raise ConfigError(f"{cloud.name} has no region {region}", hint=f"It has {', '.join(regions)}.")
    return (region,)


def _everywhere(cloud: CloudProvider, region: str | None) -> tuple[list[Offer], list[str], list[str]]:
    """What is sold in the region, or in all of them with the preferred one first; with notes and remarks."""
    first, *others = regions_of(cloud, region)
    sold, left_out = [cloud.sold_in(first)], []
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="offers") as pool:
        for place, answer in [(place, pool.submit(cloud.sold_in, place)) for place in others]:
            try:
                sold.append(answer.result())
            except ZephyrError as error:
                left_out.append(f"{place} is left out: {error.message}")
    offers = [offer for found in sold for offer in found.offers]
    notes = [note for found in sold for note in found.notes]
    return offers, [*notes, *left_out], [remark for found in sold for remark in found.remarks]
