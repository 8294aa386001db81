"""Holds a deployment on this node for a run: from its first change to its last nobody else changes anything.

The hold is a process with a lock of the kernel's, and lives as long as its caller gives signs of life on its stdin.
The end of that stream (the caller ended, was killed, or its connection was cut) ends it, and so does silence. Nobody is
ever locked out by somebody who is not there any more.
"""

from __future__ import annotations

import json
import os
import select
import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from zephyr_deploy.agent import audit
from zephyr_deploy.agent.errors import NodeError
from zephyr_deploy.agent.files import get_json, put_json
from zephyr_deploy.agent.layout import Layout
from zephyr_deploy.agent.lock import Lock, run_lock, whose
from zephyr_deploy.agent.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from zephyr_deploy.agent.report import Report

SILENCE_S = 60.0
"""How long a caller may give no sign of life, in seconds: one whose machine is gone has no end that could be seen."""
TICK_S = 0.5
"""Longest until a signal is noticed, in seconds."""
END_S = 10.0
"""How long a hold that is told to end may take, in seconds; then it is killed."""
ENDS = (signal.SIGTERM, signal.SIGUSR1)
"""What tells a hold to end: that it is let go by force, or followed by a later call from the same machine."""
STDIN = 0


def hold(request: dict[str, Any], report: Report) -> dict[str, Any]:
    """Hold the node for the run of ``who`` until its caller is gone; a line says when it is held.

    A call that an earlier run has left at work is waited for, too: what the node serves is settled then. ``wanted`` is
    the release that is to serve, see `Lock.held`. The line is JSON: whether it was ``waited`` for, and the release that
    serves now (``current``).

    Raises:
        NodeError: somebody else holds it, and longer than ``lock_wait_s`` seconds; it was let go by force.
        GoneError: nobody listens any more.
    """
    layout = Layout(request["name"])
    lock, call = _locks(request["name"])
    who, wait_s, wanted = request["who"], float(request.get("lock_wait_s", 0)), str(request.get("wanted", ""))
    with lock.held(who, wait_s, report=report, passing=True) as had_another:
        waited = call.passed(who, wait_s, wanted=wanted, report=report) or had_another
        told = _Told()
        report.send("line", line=json.dumps({"waited": waited, "current": Store(layout).current}))
        why = _stay(report, told, float(request.get("silence_s", SILENCE_S)))
        if why == "told":  # Whoever has told it takes the word of who did away once it has ended.
            hint = f"Run it again; `zephyr-deploy lock show {layout.name}` says who has it now."
            raise NodeError("locked", _taken_away(lock), hint)
    return {"ended": why}


class _Told:
    """Whether a signal has told this process to end."""

    def __init__(self) -> None:
        self.yet = False
        for one in ENDS:
            signal.signal(one, self._hear)

    def _hear(self, _number: int, _frame: object) -> None:
        self.yet = True


def _stay(report: Report, told: _Told, silence_s: float) -> str:
    """Stay as long as there is a reason to; what ended it."""
    heard = time.monotonic()
    while not told.yet:
        report.check()
        ready, _, _ = select.select([STDIN], [], [], TICK_S)
        now = time.monotonic()
        if ready:
            if not os.read(STDIN, 4096):
                return "gone"
            heard = now
        elif now - heard > silence_s:
            return "silent"
    return "told"


def _taken_away(lock: Lock) -> str:
    by = get_json(_by(lock)) or {}
    if by.get("holder") == os.getpid():
        return f"the lock of {lock.name} was let go by force, by {by.get('user')} on {by.get('machine')}"
    return f"a later call from the same machine took over the lock of {lock.name}"


def _by(lock: Lock) -> Path:
    """Where it stands who lets a hold go by force."""
    return lock.path.with_suffix(".by")


def held(request: dict[str, Any], _report: Report) -> dict[str, Any]:
    """Who holds the node, and whose call works on the deployment there; each empty where nobody does."""
    run, call = _locks(request["name"])
    return {"run": _aged(run.holder()), "call": _aged(call.holder())}


def let_go(request: dict[str, Any], report: Report) -> dict[str, Any]:
    """End the hold of whoever holds the node, and ask the call that works there to end; who they were.

    A call that is before its switch ends; one within it goes on to its end, for half a switch is worse.

    Raises:
        NodeError: the hold does not end.
    """
    run, call = _locks(request["name"])
    holder, working = run.holder(), call.holder()
    if holder:
        put_json(_by(run), {**request["who"], "holder": holder["pid"]})
        try:
            _end(run, int(holder["pid"]))
        finally:
            _by(run).unlink()
    if working:
        _signal(int(working["pid"]), signal.SIGTERM)
    if holder or working:
        said = f"the lock of {whose(holder or working)}"
        audit.note(Layout(request["name"]), request["who"], "let_go", "done", report, result="done", cause=said)
    return {"run": _aged(holder), "call": _aged(working)}


def _locks(name: str) -> tuple[Lock, Lock]:
    layout = Layout(name)
    return run_lock(layout), Lock(layout.lock, name)


def _aged(holder: dict[str, Any]) -> dict[str, Any]:
    """A holder, with how long it has been one, in seconds: clocks may differ."""
    return {**holder, "held_s": time.monotonic() - holder["at"]} if holder else {}


def _end(lock: Lock, pid: int) -> None:
    start = time.monotonic()
    _signal(pid, signal.SIGTERM)
    while lock.holder().get("pid") == pid:
        waited = time.monotonic() - start
        if waited > 2 * END_S:
            raise NodeError("leftovers", f"process {pid}, which holds the lock of {lock.name}, does not end")
        if waited > END_S:
            _signal(pid, signal.SIGKILL)
        time.sleep(0.05)


def _signal(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
