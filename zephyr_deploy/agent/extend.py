"""Moves the end of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zephyr_deploy.agent import expiry
from zephyr_deploy.agent.errors import NodeError
from zephyr_deploy.agent.files import get_json, put_json
from zephyr_deploy.agent.shell import must

if TYPE_CHECKING:
    from zephyr_deploy.agent.report import Report

LOOK = ("systemctl", "start", "zephyr-deploy-expire.service")
LOOK_S = 60.0
HINT = "Machines that a cloud made for this deployment do; others are their owner's."


def extend(request: dict[str, Any], _report: Report) -> dict[str, Any]:
    """Have it end ``left_s`` seconds from now, or never where that is None; to do so is to use it.

    Raises:
        NodeError: it does not end itself, or what ends it does not run.
    """
    limits, left_s = get_json(expiry.LIMITS), request["left_s"]
    if not limits:
        raise NodeError("config", "this machine does not end itself", HINT)
    state = _looked()
    age_s = state["age_s"] + expiry.since(state)
    ttl_s = None if left_s is None else age_s + float(left_s)
    put_json(expiry.LIMITS, {**limits, "ttl_s": ttl_s, "used_at_s": age_s})
    _looked()
    return {"expiry": expiry.found()}


def _looked() -> dict[str, Any]:
    """What ends the machine looks now, by itself: that shows that it runs. What it wrote down."""
    why = "what ends this machine does not run"
    must(LOOK, why, LOOK_S, kind="unhealthy")
    state = get_json(expiry.STATE)
    if not isinstance(state, dict):
        raise NodeError("unhealthy", f"{why}: {expiry.STATE} cannot be read")
    return state
