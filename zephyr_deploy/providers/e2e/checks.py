"""What a look at an account of E2E Networks finds; nothing is changed. What it may have, no call tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from zephyr_deploy.errors import ZephyrError
from zephyr_deploy.providers.clouds import checks as common
from zephyr_deploy.providers.clouds.types import AccountCheck
from zephyr_deploy.providers.e2e import catalog, keys
from zephyr_deploy.providers.e2e.credentials import LOCATIONS

if TYPE_CHECKING:
    from collections.abc import Callable

    from zephyr_deploy.providers.clouds.types import Offer, Resource
    from zephyr_deploy.providers.e2e.client import E2eClient

SOLD = "zephyr-deploy offers --provider e2e"


def checks(client: E2eClient, offer: Offer | None, there: Callable[[], list[Resource]]) -> list[AccountCheck]:
    """Everything that can be looked at; where the credentials are wrong, only that."""
    try:
        date = client.get("/iam/multi-crn/").date
    except ZephyrError as error:
        return [common.failed("credentials", error)]
    location = offer.region if offer else client.credentials.location
    looks: tuple[tuple[str, Callable[[], AccountCheck]], ...] = (
        ("project", lambda: _project(client)),
        ("location", lambda: _location(client, location)),
        ("plan", lambda: _plan(client, location, offer)),
        ("key", lambda: _key(client, location)),
        ("leftovers", lambda: common.leftovers(there())),
    )
    credentials = common.ok("credentials", "E2E Networks knows them")
    return [credentials, common.clock(date, "E2E"), *common.looked(looks)]


def _project(client: E2eClient) -> AccountCheck:
    listed = {str(row.get("project_id")): str(row.get("name")) for row in client.get("/pbac/project/").data}
    if client.project in listed:
        return common.ok("project", f"{client.project} ({listed[client.project]})")
    # A project that is only shared with this user is in no list.
    detail = f"{client.project} is not among your projects: {', '.join(listed) or 'none'}"
    fix = "Set E2E_PROJECT_ID to one of them, unless that one is shared with you."
    return AccountCheck(name="project", verdict="warning", detail=detail, fix=fix)


def _location(client: E2eClient, location: str) -> AccountCheck:
    client.get("/nodes/", location=location)
    return common.ok("location", location)


def _plan(client: E2eClient, location: str, offer: Offer | None) -> AccountCheck:
    """Whether the offer is to be had; without one, whether any is."""
    sold = catalog.offers(client, location)
    if offer is None:
        now = [one for one in sold if one.available is not False]
        detail = f"{len(now)} of {len(sold)} plans with a GPU are to be had in {location}"
        fix = f"Try another location: {', '.join(LOCATIONS)} (E2E_LOCATION)."
        return common.ok("plan", detail) if now else _lacking(detail, "warning", fix)
    found = next((one for one in sold if one.machine_type == offer.machine_type), None)
    if found is None:
        return _lacking(f"{offer.machine_type} is not sold in {location}", "failed", SOLD)
    if found.available is False:
        return _lacking(f"{offer.machine_type} is sold out in {location}", "failed", SOLD)
    return common.ok("plan", f"{offer.machine_type} with image {found.details['image']}")


def _lacking(detail: str, verdict: Literal["warning", "failed"], fix: str) -> AccountCheck:
    return AccountCheck(name="plan", verdict=verdict, detail=detail, fix=fix)


def _key(client: E2eClient, location: str) -> AccountCheck:
    count, ours = len(keys.rows(client, location)), len(keys.ours(client, location))
    return common.ok("key", f"{count} registered, {ours} of them by zephyr-deploy")
