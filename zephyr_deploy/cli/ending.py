"""When a machine ends itself, for people; and warnings: shortly before it does, and where there is one too many."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zephyr_deploy.cli.output import Output
    from zephyr_deploy.providers.machines import Ending

SOON = timedelta(minutes=30)
SHOWN = timedelta(days=3)
"""What is further away is told by its date."""


def warn_of_end(out: Output, name: str, at: datetime | None) -> None:
    """Say so where the machine of a deployment ends within half an hour."""
    left = at - datetime.now(timezone.utc) if at else None
    if left is None or left > SOON:
        return
    when = "is over" if left <= timedelta() else f"ends in {length(left)}"
    out.warn(f"The time of {name} {when}. To go on: zephyr-deploy extend {name} 2h")


def warn_of_several(out: Output, name: str, others: Iterable[str]) -> None:
    """Say so where other clouds have a deployment, too: two laptops named them, and each machine costs."""
    also = " and ".join(others)
    if also:
        out.warn(f"{also} has a machine of {name}, too, which costs. zephyr-deploy down {name} takes all of it away.")


def ends(ending: Ending) -> str:
    """All that is known of a machine's end, on one line."""
    if ending.taken_back:
        return taken_back(ending.taken_back_at)
    if not ending.looks:
        return "never by itself: its timer does not run; see systemctl status zephyr-deploy-expire.timer there"
    now = datetime.now(timezone.utc)
    limit = when(ending.at, now) if ending.at else "no time limit"
    if ending.idle_at is None:
        return limit
    unused = length(timedelta(seconds=ending.unused_s))
    return f"{limit}; without a request {when(ending.idle_at, now)} (unused for {unused})"


def taken_back(at: datetime | None) -> str:
    """That its cloud takes a machine back."""
    return f"its cloud takes it back{f' at {at:%H:%M} UTC' if at else ''}"


def when(at: datetime, now: datetime) -> str:
    """A moment to come: how far away it is, or its date."""
    if at <= now:
        return "now"
    return f"in {length(at - now)}" if at - now < SHOWN else f"on {at.astimezone():%Y-%m-%d at %H:%M}"


def length(of: timedelta) -> str:
    """A length of time in hours and minutes."""
    hours, minutes = divmod(max(0, round(of / timedelta(minutes=1))), 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min"
