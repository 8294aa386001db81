"""`offers`: what the clouds whose credentials are at hand sell, and which of it fits; nothing is ordered."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from zephyr_deploy.deploy.clouds.choosing import regions_of
from zephyr_deploy.deploy.known import without_credentials
from zephyr_deploy.errors import ZephyrError
from zephyr_deploy.providers.clouds.choose import Removed, choose
from zephyr_deploy.providers.clouds.types import Offer
from zephyr_deploy.spec.base import Frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zephyr_deploy.providers.clouds.choose import Need
    from zephyr_deploy.providers.clouds.contract import CloudProvider
    from zephyr_deploy.providers.clouds.types import Sold

AT_ONCE = 16
"""Regions are asked side by side."""


class OffersResult(Frozen):
    """What was found."""

    offers: tuple[Offer, ...]
    """Those that fit, cheapest first."""
    removed: tuple[Removed, ...]
    """What stood in the way of the others."""
    asked: tuple[str, ...]
    """Clouds that were asked."""
    notes: tuple[str, ...]
    """For people: who could not be asked, what is missing, what prices are compared by."""


def find_offers(clouds: Sequence[CloudProvider], need: Need) -> OffersResult:
    """Ask clouds what they sell, in the region that is needed or in all of theirs.

    Raises:
        CredentialsError: the credentials of none are at hand; the hint says which variables hold them.
        ConfigError: nobody knows such a GPU, or such a region.
        ZephyrError: no cloud can be asked.
    """
    choose((), need)  # whoever asks for a GPU that nobody knows shall not wait for clouds
    configured = [cloud for cloud in clouds if cloud.configured()]
    if not configured:
        raise without_credentials(clouds)
    notes = [
        f"{cloud.name} was not asked: set {' or '.join(cloud.wants)}." for cloud in clouds if cloud not in configured
    ]
    sold, troubles = _everywhere(configured, need.region)
    if troubles and not sold:
        raise troubles[0][1]
    notes += [f"{where} was not asked: {error.message}" for where, error in troubles]
    choice = choose([offer for found in sold for offer in found.offers], need)
    return OffersResult(
        offers=choice.fits,
        removed=choice.removed,
        asked=tuple(cloud.name for cloud in configured),
        notes=(*notes, *(said for found in sold for said in (*found.notes, *found.remarks))),
    )


def _everywhere(
    clouds: Sequence[CloudProvider], region: str | None
) -> tuple[list[Sold], list[tuple[str, ZephyrError]]]:
    """What is sold, by cloud and region, and who could not be asked."""
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="offers") as pool:
        asked = [(cloud, pool.submit(regions_of, cloud, region)) for cloud in clouds]
        places: list[tuple[str, CloudProvider, str]] = []
        troubles: list[tuple[str, ZephyrError]] = []
        for cloud, regions in asked:
            try:
                places += [(f"{cloud.name} in {name}", cloud, name) for name in regions.result()]
            except ZephyrError as error:
                troubles.append((cloud.name, error))
        answers = [(where, pool.submit(cloud.sold_in, name)) for where, cloud, name in places]
        sold = []
        for where, answer in answers:
            try:
                sold.append(answer.result())
            except ZephyrError as error:
                troubles.append((where, error))
    return sold, troubles
