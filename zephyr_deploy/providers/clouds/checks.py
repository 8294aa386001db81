"""What the look at an account has in common, whichever cloud it is in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from zephyr_deploy.errors import CredentialsError, ZephyrError
from zephyr_deploy.providers.clouds.types import AccountCheck

if TYPE_CHECKING:
    from zephyr_deploy.providers.clouds.types import Resource

SKEW_S = 300.0
"""AWS refuses a signature that is older or younger than 5 minutes (IAM User Guide, "Signing AWS API requests")."""
NOTABLE_SKEW_S = 60.0
"""What a few more days of drift make too much."""
SET_CLOCK = "Set this machine's clock: sudo timedatectl set-ntp true"
SHOWN = 5


def ok(name: str, detail: str) -> AccountCheck:
    """That it is as it should be."""
    return AccountCheck(name=name, verdict="ok", detail=detail)


def failed(name: str, error: ZephyrError) -> AccountCheck:
    """That it is not, by an error that knows what to do."""
    return AccountCheck(
        name=name,
        verdict="failed",
        detail=error.message,
        fix=error.hint or "Run it again.",
        denied=isinstance(error, CredentialsError),
    )


def looked(looks: Iterable[tuple[str, Callable[[], AccountCheck]]]) -> Iterator[AccountCheck]:
    """Every look, by name; one that cannot be had has found something too."""
    for name, look in looks:
        try:
            yield look()
        except ZephyrError as error:
            yield failed(name, error)


def clock(date: str, cloud: str, now: datetime | None = None) -> AccountCheck:
    """Whether this machine's clock is right, by the ``Date`` of an answer of ``cloud``."""
    theirs = read_date(date)
    if theirs is None:
        detail = f"{cloud} did not say its time"
        return AccountCheck(name="clock", verdict="warning", detail=detail, fix="Compare: date -u")
    off_s = ((now or datetime.now(timezone.utc)) - theirs).total_seconds()
    if abs(off_s) <= NOTABLE_SKEW_S:
        return ok("clock", f"as {cloud}'s")
    detail = f"{abs(off_s):.0f} s {'ahead of' if off_s > 0 else 'behind'} {cloud}'s"
    too_much = abs(off_s) > SKEW_S
    return AccountCheck(name="clock", verdict="failed" if too_much else "warning", detail=detail, fix=SET_CLOCK)


def read_date(date: str) -> datetime | None:
    """A time of HTTP, which has a zone (RFC 9110, section 5.6.7)."""
    try:
        found = parsedate_to_datetime(date)
    except ValueError:
        return None
    return found if found.tzinfo else None


def leftovers(there: Sequence[Resource], now: datetime | None = None) -> AccountCheck:
    """Whether something of ours is there whose time is over; what is in use is none of it."""
    moment = now or datetime.now(timezone.utc)
    over = [thing for thing in there if thing.stamp.expires and thing.stamp.expires < moment]
    names = sorted({thing.stamp.deployment for thing in there})
    if not over:
        return ok("leftovers", f"none; {len(there)} things of {', '.join(names)}" if there else "none")
    bills = [thing for thing in over if thing.bills]
    more = f" and {len(over) - SHOWN} more" if len(over) > SHOWN else ""
    detail = f"past their time: {', '.join(map(str, over[:SHOWN]))}{more}"
    return AccountCheck(
        name="leftovers",
        verdict="failed" if bills else "warning",
        detail=f"{detail}; {len(bills)} of them cost" if bills else detail,
        fix="zephyr-deploy gc --expired",
    )
