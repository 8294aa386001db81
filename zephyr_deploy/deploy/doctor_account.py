"""`doctor --provider`: what in a cloud's account stands in the way; nothing in it is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.deploy.clouds.choosing import wanted
from zephyr_deploy.deploy.results import Check
from zephyr_deploy.errors import AuthError, CredentialsError, ZephyrError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zephyr_deploy.providers.clouds.contract import CloudProvider
    from zephyr_deploy.providers.clouds.types import Offer
    from zephyr_deploy.spec.deployment import Deployment


def doctor_account(cloud: CloudProvider, deployment: Deployment) -> list[Check]:
    """Check the account that would pay for a deployment, and the machine that `up` would order first.

    Args:
        cloud: Whose account.
        deployment: Its GPU, region, price and the like say which machine that is.
    """
    return [check.model_copy(update={"host": cloud.name}) for check in _checks(cloud, deployment)]


def _checks(cloud: CloudProvider, deployment: Deployment) -> Iterator[Check]:
    if not cloud.configured():
        fix = f"Set {' or '.join(cloud.wants)}."
        detail = f"there are none for {cloud.name}"
        yield Check(name="credentials", verdict="failed", detail=detail, fix=fix, denied=True)
        return
    offer: Offer | None = None
    machine: Check | None = None
    try:
        cloud.account()
        offer = wanted(cloud, deployment).offers[0]
        machine = Check(name="machine", verdict="ok", detail=_said(offer))
    except AuthError:
        pass  # The account's own checks say which, and what to do.
    except ZephyrError as error:
        machine = _failed("machine", error, "zephyr-deploy offers")
    try:
        for check in cloud.checks(offer):
            yield Check.model_validate(check.model_dump())
    except ZephyrError as error:
        yield _failed("account", error, "Run it again.")
    if machine:
        yield machine


def _failed(name: str, error: ZephyrError, fix: str) -> Check:
    return Check(
        name=name,
        verdict="failed",
        detail=error.message.replace("\n  ", "; "),
        fix=error.hint or fix,
        denied=isinstance(error, CredentialsError),
    )


def _said(offer: Offer) -> str:
    spot = "interruptible " if offer.spot else ""
    return (
        f"{spot}{offer.machine_type} in {offer.region}: {offer.gpus} x {offer.gpu}, "
        f"${offer.price_per_hour_usd:.2f} an hour"
    )
