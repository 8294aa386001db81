"""Where a deployment goes whose user has named no provider."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.deploy.clouds.choosing import need_of, nothing_fits, regions_of
from zephyr_deploy.deploy.clouds.roomy import Room
from zephyr_deploy.deploy.known import configured_clouds, without_credentials
from zephyr_deploy.errors import ZephyrError
from zephyr_deploy.providers.clouds.choose import choose
from zephyr_deploy.providers.registry import clouds

if TYPE_CHECKING:
    from collections.abc import Callable

    from zephyr_deploy.providers.clouds.types import Offer
    from zephyr_deploy.spec.deployment import Deployment


def provider_that_has(name: str, notice: Callable[[str], None]) -> str | None:
    """The cloud that has a machine of deployment ``name``, made from elsewhere; a second one would be ordered else.

    Args:
        name: Of the deployment.
        notice: Told of a cloud that cannot be asked.
    """
    for one in configured_clouds():
        try:
            if one.instances(name):
                return one.name
        except ZephyrError as error:
            notice(f"{one.name} cannot be asked whether it has {name}: {error.message}")
    return None


def cheapest_provider(deployment: Deployment, notice: Callable[[str], None]) -> str:
    """The cloud with the cheapest machine that fits, of those whose credentials are at hand.

    Args:
        deployment: What is wanted.
        notice: Told of a cloud that cannot be asked, and of the choice.

    Raises:
        CredentialsError: there are credentials for no cloud; says which variables each wants.
        NoCapacityError: none of them sells a machine that fits.
        ConfigError: nobody knows such a GPU.
    """
    asked = configured_clouds()
    if not asked:
        raise without_credentials(clouds(), gpu=deployment.machine.gpu or "a GPU")
    offers: list[Offer] = []
    failures: list[ZephyrError] = []
    for one in asked:
        try:
            offers += one.offers(regions_of(one, deployment.machine.region)[0])
        except ZephyrError as error:
            failures.append(error)
            notice(f"{one.name} cannot be asked what it sells: {error.message}")
    if not offers and failures:
        raise failures[0]
    room = Room.of(deployment)
    choice = choose(offers, need_of(deployment, room))
    fits = room.among(choice.fits)
    if not fits:
        raise nothing_fits(" and ".join(one.name for one in asked), choice, room.refusals(choice.fits))
    best = fits[0]
    notice(
        f"The cheapest machine that fits is {best.machine_type} of {best.provider}, "
        f"${best.price_per_hour_usd:.2f} an hour; --provider chooses another."
    )
    return best.provider
