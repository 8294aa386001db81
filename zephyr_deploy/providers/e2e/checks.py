"""What a look at an account of E2E Networks finds; nothing is changed."""

from __future__ import annotations

from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from zephyr_deploy.errors import AuthError, ZephyrError
from zephyr_deploy.providers.clouds.types import AccountCheck
from zephyr_deploy.providers.e2e import catalog, keys
from zephyr_deploy.providers.e2e.credentials import LOCATIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from zephyr_deploy.providers.clouds.types import Offer, Resource
    from zephyr_deploy.providers.e2e.client import E2eClient

SKEW_S = 300.0
"""A clock that is further off makes tokens look expired, and expiries wrong."""


def check_account(client: E2eClient, offer: Offer | None, left: Callable[[], list[Resource]]) -> list[AccountCheck]:
    """Everything that can be looked at; only the first where the credentials are wrong."""
    try:
        date = client.get("/iam/multi-crn/").date
    except AuthError as error:
        return [_failed("credentials", error)]
    except ZephyrError as error:
        return [_failed("connection", error)]
    location = offer.region if offer else client.credentials.location
    looks: tuple[tuple[str, Callable[[], AccountCheck]], ...] = (
        ("project", lambda: _project(client)),
        ("location", lambda: _location(client, location)),
        ("plan", lambda: _plan(client, location, offer)),
        ("key", lambda: _key(client, location)),
        ("leftovers", lambda: _leftovers(left())),
    )
    credentials = AccountCheck(name="credentials", verdict="ok", detail="E2E Networks knows them")
    return [credentials, *_looked(looks), _clock(date)]


def _looked(looks: tuple[tuple[str, Callable[[], AccountCheck]], ...]) -> Iterator[AccountCheck]:
    for name, look in looks:
        try:
            yield look()
        except ZephyrError as error:
            yield _failed(name, error)


def _failed(name: str, error: ZephyrError) -> AccountCheck:
    return AccountCheck(name=name, verdict="failed", detail=error.message, fix=error.hint or "")


def _project(client: E2eClient) -> AccountCheck:
    listed = {str(row.get("project_id")): str(row.get("name")) for row in client.get("/pbac/project/").data}
    if client.project in listed:
        return AccountCheck(name="project", verdict="ok", detail=f"{client.project} ({listed[client.project]})")
    # A project that is only shared with this user is in no list.
    detail = f"{client.project} is not among your projects: {', '.join(listed) or 'none'}"
    fix = "Set E2E_PROJECT_ID to one of them, unless that one is shared with you."
    return AccountCheck(name="project", verdict="warning", detail=detail, fix=fix)


def _location(client: E2eClient, location: str) -> AccountCheck:
    client.get("/nodes/", location=location)
    return AccountCheck(name="location", verdict="ok", detail=location)


def _plan(client: E2eClient, location: str, offer: Offer | None) -> AccountCheck:
    sold = catalog.offers(client, location)
    if offer is None:
        now = [one for one in sold if one.available is not False]
        detail = f"{len(now)} of {len(sold)} plans with a GPU are to be had in {location}"
        fix = "" if now else f"Try another location: {', '.join(LOCATIONS)} (E2E_LOCATION)."
        return AccountCheck(name="plan", verdict="ok" if now else "warning", detail=detail, fix=fix)
    found = next((one for one in sold if one.machine_type == offer.machine_type), None)
    fix = "zephyr-deploy offers --provider e2e"
    if found is None:
        detail = f"{offer.machine_type} is not sold in {location}"
        return AccountCheck(name="plan", verdict="failed", detail=detail, fix=fix)
    if found.available is False:
        return AccountCheck(name="plan", verdict="failed", detail=f"{offer.machine_type} is sold out", fix=fix)
    return AccountCheck(name="plan", verdict="ok", detail=f"{offer.machine_type} with image {found.details['image']}")


def _key(client: E2eClient, location: str) -> AccountCheck:
    count, ours = len(keys.rows(client, location)), len(keys.ours(client, location))
    return AccountCheck(name="key", verdict="ok", detail=f"{count} registered, {ours} of them by zephyr-deploy")


def _leftovers(left: list[Resource]) -> AccountCheck:
    if not left:
        return AccountCheck(name="leftovers", verdict="ok", detail="nothing of zephyr-deploy is there")
    names = ", ".join(str(thing) for thing in left)
    if not any(thing.bills for thing in left):
        return AccountCheck(name="leftovers", verdict="ok", detail=f"nothing that costs: {names}")
    fix = "zephyr-deploy ls shows what runs there; zephyr-deploy down NAME takes it away."
    return AccountCheck(name="leftovers", verdict="warning", detail=names, fix=fix)


def _clock(date: str) -> AccountCheck:
    """By the ``Date`` of an answer."""
    try:
        theirs = parsedate_to_datetime(date)
    except ValueError:
        return AccountCheck(name="clock", verdict="warning", detail="E2E Networks did not say its time", fix="date -u")
    off_s = (datetime.now(timezone.utc) - theirs).total_seconds()
    if abs(off_s) <= SKEW_S:
        return AccountCheck(name="clock", verdict="ok", detail="as E2E's")
    detail = f"{abs(off_s):.0f} s {'ahead of' if off_s > 0 else 'behind'} E2E's"
    return AccountCheck(
        name="clock", verdict="failed", detail=detail, fix="Set this machine's clock: timedatectl set-ntp true"
    )
