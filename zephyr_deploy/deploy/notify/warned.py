"""Tells of machines that end soon or have cost what they may.

Of each thing once, where the state folder is kept; where it is not, as in most CI jobs, again with the same id.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from math import ceil
from typing import TYPE_CHECKING

from zephyr_deploy.deploy.notify.deliver import deliver
from zephyr_deploy.deploy.notify.message import Message
from zephyr_deploy.node.knownhosts import write_private
from zephyr_deploy.paths import private_dir, state_dir
from zephyr_deploy.spec.durations import format_duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zephyr_deploy.deploy.clouds.warn import Warned
    from zephyr_deploy.spec.deployment import Notify

NOTE = "warned.json"
KEPT = timedelta(days=30)
"""How long it is known what was told; no machine that is warned of lives as long."""
MINUTE = timedelta(minutes=1)


def sentence(warned: Warned, now: datetime) -> str:
    """What there is to know, in one sentence."""
    if warned.event == "budget":
        cost, budget = warned.cost_usd or 0.0, warned.budget_usd or 0.0
        share = f" ({cost / budget:.0%})" if budget else ""
        return f"{warned.deployment} has cost ${cost:.2f} of its budget of ${budget:.2f}{share}."
    if warned.ends_at is None or warned.ends_at <= now:
        at = f" at {warned.ends_at:%Y-%m-%d %H:%M} UTC" if warned.ends_at else ""
        return f"{warned.deployment} should have ended{at}, and its machine is still there."
    left = format_duration(ceil((warned.ends_at - now) / MINUTE) * MINUTE)
    return f"{warned.deployment} ends in {left}, at {warned.ends_at:%Y-%m-%d %H:%M} UTC."


def tell_of(found: Sequence[Warned], notify: Notify) -> list[Warned]:
    """Tell of each that was not told of yet; those that were told of now.

    Raises:
        CredentialsError, UnreachableError: one cannot be told of; those before it have been.
    """
    now = datetime.now(timezone.utc)
    before = {one: at for one, at in _noted().items() if now - at < KEPT}
    told = []
    for warned in (one for one in found if one.id not in before and one.event in notify.events):
        deliver(_message(warned, now), notify)
        told.append(warned)
        before[warned.id] = now
        lines = json.dumps({one: at.isoformat() for one, at in before.items()}, indent=2)
        write_private(private_dir(state_dir()) / NOTE, lines + "\n")
    return told


def _noted() -> dict[str, datetime]:
    """What was told when; nothing where that cannot be read: it is told again then."""
    try:
        return {one: datetime.fromisoformat(at) for one, at in json.loads((state_dir() / NOTE).read_text()).items()}
    except (FileNotFoundError, ValueError, AttributeError, TypeError):
        return {}


def _message(warned: Warned, now: datetime) -> Message:
    name, over = warned.deployment, warned.ends_at is not None and warned.ends_at <= now
    rows = {
        "Machine": f"{warned.machine_type} in {warned.provider} {warned.region}",
        "Price": f"${warned.price_per_hour_usd:.2f} an hour",
        "So far": f"${warned.cost_usd:.2f}" if warned.cost_usd is not None else "",
        "Budget": f"${warned.budget_usd:.2f}" if warned.budget_usd is not None else "",
        "Ends": f"{warned.ends_at:%Y-%m-%d %H:%M} UTC" if warned.ends_at else "never by itself",
    }
    return Message(
        id=warned.id,
        event=warned.event,
        at=now,
        text=sentence(warned, now),
        deployment=name,
        next=f"zephyr-deploy down {name}" if over or warned.event == "budget" else f"zephyr-deploy extend {name} 2h",
        rows={title: text for title, text in rows.items() if text},
        data=warned.model_dump(mode="json", exclude={"event", "deployment"}),
    )
