"""When this machine ends itself, as `zephyr_deploy.agent.expire` wrote it down when it looked last."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zephyr_deploy.agent.files import get_json

if TYPE_CHECKING:
    from zephyr_deploy.agent.report import Report

LIMITS = Path("/etc/zephyr-deploy/expiry.json")
STATE = Path("/run/zephyr-deploy-expiry.json")
NOTICE = Path("/run/zephyr-deploy-interruption.json")
"""Where there is one, its cloud takes the machine back; see `zephyr_deploy.agent.interruption`."""
PROBES = Path("/run/zephyr-deploy-probes")


def expiry(_request: dict[str, Any], _report: Report) -> dict[str, Any]:
    """When it ends; see `found`."""
    return {"expiry": found()}


def found() -> dict[str, Any] | None:
    """When it ends, in seconds from now; None where it does not end itself at all.

    ``left_s`` until its time limit, ``idle_left_s`` until it has been unused for too long, each None where there is no
    such limit; ``unused_s`` since it was used last; ``looked_s`` since it was looked at last, None where it never was.
    ``taken_back_at`` only where its cloud takes it back: when, in UTC, in the cloud's words.
    """
    if not LIMITS.exists():
        return None
    state, notice = get_json(STATE), taken_back()
    taken = {"taken_back_at": notice["time"]} if notice else {}
    if not state:
        return {"left_s": None, "idle_left_s": None, "unused_s": 0.0, "looked_s": None, **taken}
    ago_s = since(state)
    lefts = {name: None if state[name] is None else state[name] - ago_s for name in ("left_s", "idle_left_s")}
    return {**lefts, "unused_s": state["unused_s"] + ago_s, "looked_s": ago_s, **taken}


def taken_back() -> dict[str, str] | None:
    """The notice that the cloud takes the machine back: ``action`` and ``time``; None: there is none."""
    notice = get_json(NOTICE)
    return notice if isinstance(notice, dict) and notice else None


def taken_back_words() -> str:
    """That the cloud takes the machine back, for people; empty where it does not."""
    notice = taken_back()
    if notice is None:
        return ""
    clock = notice["time"][11:16]
    return f"its cloud takes it back{f' at {clock} UTC' if clock else ''}; it takes no new request"


def probing(port: int) -> None:
    """Write down, before it is done, that an engine is asked for a token to see how it does: that is no use of it."""
    if LIMITS.exists():
        with suppress(OSError):
            descriptor = os.open(PROBES.with_suffix(f".{port}"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            os.write(descriptor, b".")
            os.close(descriptor)


def since(state: dict[str, Any]) -> float:
    """Seconds since the last look."""
    return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - float(state["booted_s"]))
