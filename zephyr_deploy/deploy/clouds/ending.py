"""What the user should know of a machine's end: that it will not come by itself, or not when the wish says."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from zephyr_deploy.providers.clouds.contract import EndsItself
from zephyr_deploy.spec.durations import format_duration

if TYPE_CHECKING:
    from zephyr_deploy.deploy.fleet import Fleet
    from zephyr_deploy.events import Phases
    from zephyr_deploy.providers.base import NodeProvider
    from zephyr_deploy.providers.machines import Ending
    from zephyr_deploy.spec.deployment import Deployment

SAME = timedelta(minutes=10)
"""A machine that has just been made is as old as it took to boot."""


def tell_of_end(fleet: Fleet, provider: NodeProvider, deployment: Deployment, phases: Phases) -> None:
    """Say which machines, of those that were looked at, do not end themselves though they should, or at another time.

    Args:
        fleet: The machines.
        provider: Where they come from; one whose machines do not end themselves has said so before the order.
        deployment: What is wanted.
        phases: What is told of.
    """
    if not isinstance(provider, EndsItself):
        return
    for member in fleet.members:
        if not member.has_python:
            continue
        if member.ending and member.ending.taken_back:
            at = f" at {member.ending.taken_back_at:%H:%M} UTC" if member.ending.taken_back_at else ""
            said = f"{provider.name} takes {member.name} back{at}, and it takes no new request"
            phases.notice(f"{said}: `zephyr-deploy up` again then", warning=True)
        elif member.ending is None or not member.ending.looks:
            said = f"{member.name} will not end itself, for what ends it does not run there"
            look = "systemctl status zephyr-deploy-expire.timer"
            phases.notice(f"{said} (`{look}`): it costs until `zephyr-deploy down {fleet.name}`", warning=True)
        elif "ttl" in deployment.cost.model_fields_set and not _as_wished(member.ending, deployment.cost.ttl):
            when = _left(member.ending)
            phases.notice(f"{fleet.name} was there before and ends {when}; `zephyr-deploy extend` moves that")


def _as_wished(ending: Ending, ttl: timedelta | None) -> bool:
    if ending.at is None or ttl is None:
        return ending.at is None and ttl is None
    return abs(ending.at - datetime.now(timezone.utc) - ttl) < SAME


def _left(ending: Ending) -> str:
    if ending.at is None:
        return "never by its time limit"
    minutes = max(0, round((ending.at - datetime.now(timezone.utc)) / timedelta(minutes=1)))
    return f"in {format_duration(timedelta(minutes=minutes))}"
