"""When this machine ends itself, and how that is changed. `zephyr_deploy.agent.expire` is what ends it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from zephyr_deploy.agent import expire
from zephyr_deploy.agent.errors import NodeError
from zephyr_deploy.agent.files import put_json

if TYPE_CHECKING:
    from zephyr_deploy.agent.report import Report

ROOT = Path("/")
HINT = "Machines that a cloud made for this deployment do; others are their owner's."


def expiry(_request: dict[str, Any], _report: Report) -> dict[str, Any]:
    """When it ends; see `found`."""
    return {"expiry": found()}


def extend(request: dict[str, Any], _report: Report) -> dict[str, Any]:
    """Have it end ``left_s`` seconds from now, or never where that is None; to do so is to use it.

    Raises:
        NodeError: it does not end itself.
    """
    limits = expire.read(ROOT / expire.LIMITS)
    if not limits:
        raise NodeError("config", "this machine does not end itself", HINT)
    age_s, left_s = expire.counted(expire.known(ROOT), expire.clocks()), request["left_s"]
    ttl_s = None if left_s is None else age_s + float(left_s)
    put_json(ROOT / expire.LIMITS, {**limits, "ttl_s": ttl_s, "used_at_s": age_s})
    return {"expiry": found()}


def found() -> dict[str, Any] | None:
    """When it ends, in seconds from now; None where it does not end itself at all.

    ``age_s`` since its first boot; ``left_s`` until its time limit, ``idle_left_s`` until it has been unused for too
    long, each None where there is no such limit; ``unused_s`` since it was used last; ``looked_s`` since it was looked
    at last, which is a minute at most where all is well.
    """
    limits = expire.read(ROOT / expire.LIMITS)
    if not limits:
        return None
    known, now = expire.known(ROOT), expire.clocks()
    state = {**(known or expire.step({}, now, expire.NOTHING, booted=True)), "age_s": expire.counted(known, now)}
    left_s, idle_left_s = expire.lefts(state, limits)
    return {
        "age_s": state["age_s"],
        "left_s": left_s,
        "idle_left_s": idle_left_s,
        "unused_s": state["age_s"] - expire.used_at(state, limits),
        "looked_s": state["age_s"] - known["age_s"] if known else None,
    }
