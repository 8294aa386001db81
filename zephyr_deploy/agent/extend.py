"""Moves the end of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zephyr_deploy.agent import audit, expiry
from zephyr_deploy.agent.errors import NodeError
from zephyr_deploy.agent.files import get_json, put_json
from zephyr_deploy.agent.layout import Layout
from zephyr_deploy.agent.shell import must

if TYPE_CHECKING:
    from zephyr_deploy.agent.report import Report

LOOK = ("systemctl", "start", "zephyr-deploy-expire.service")
LOOK_S = 60.0
HINT = "Machines that a cloud made for this deployment do; others are their owner's."


def extend(request: dict[str, Any], report: Report) -> dict[str, Any]:
    """Move its time limit to ``left_s`` seconds from now, and that of the time without use to ``idle_s`` seconds.

    None: it never ends by that limit; what is not named stays. To do so is to use it.

    Raises:
        NodeError: it does not end itself, or what ends it does not run.
    """
    limits = get_json(expiry.LIMITS)
    if not limits:
        raise NodeError("config", "this machine does not end itself", HINT)
    state = _looked()
    age_s = state["age_s"] + expiry.since(state)
    moved: dict[str, float | None] = {"used_at_s": age_s}
    if "left_s" in request:
        moved["ttl_s"] = None if request["left_s"] is None else age_s + float(request["left_s"])
    if "idle_s" in request:
        moved["idle_s"] = request["idle_s"]
    put_json(expiry.LIMITS, {**limits, **moved})
    _looked()
    audit.note(Layout(request["name"]), request["who"], "extend", "done", report, result="done")
    return {"expiry": expiry.found()}


def _looked() -> dict[str, Any]:
    """What ends the machine looks now, by itself: that shows that it runs. What it wrote down."""
    why = "what ends this machine does not run"
    must(LOOK, why, LOOK_S, kind="unhealthy")
    state = get_json(expiry.STATE)
    if not isinstance(state, dict):
        raise NodeError("unhealthy", f"{why}: {expiry.STATE} cannot be read")
    return state
