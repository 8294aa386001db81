"""Ends this machine at its time limit, or once nobody has used it for long. A systemd timer runs it every minute.

A machine in a cloud has it from its first boot on, by its user data (`zephyr_deploy.providers.clouds.userdata`), as a
file that stands alone: it needs Python 3.8, and nothing of ours or of anybody else's.

Age. The limit counts from the first boot by the kernel's CLOCK_BOOTTIME, which no clock that is set can move: a clock
that jumps by years when NTP first answers neither ends a machine early nor lets it run on. That clock begins anew at
each boot, so the age is written down each time. How long a reboot took only the wall clock can say; it is believed
up to `REBOOT_S`, so that a machine that reboots again and again does not live longer for it, and one whose clock
jumped, or that was switched off for days, does not end for that. What is not counted thus is time switched off.

Use. Used is a machine while an engine's own counters move or requests are in flight, while a release is brought to it
(the deployment's lock is held), and when its engine answers for the first time. To ask how it does is no use. One where
nothing was ever deployed is unused, too: an `up` that died must not cost until the time limit. Where no engine has
answered since the last boot or deployment, the limit is longer by the grace that loading a model may take.
"""

from __future__ import annotations

import http.client
import json
import math
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

LIMITS = Path("etc/zephyr-deploy/expiry.json")
"""``ttl_s`` (from the first boot on) and ``idle_s``, None: never; ``used_at_s``: an age at which somebody extended it;
``grace_s``; and what figures are called on ``/metrics``: ``counters``, ``gauges``."""
KEPT = Path("var/lib/zephyr-deploy/expiry.json")
VOLATILE = Path("run/zephyr-deploy-expiry.json")
"""The same state in memory, where a full disk does not stop it; without it the machine has just booted."""
PORTS = "opt/zephyr-deploy/*/ports/*.env"
LOCKS = "opt/zephyr-deploy/*/lock"
PROBES = "run/zephyr-deploy-probes."
"""With an engine's port behind it: a file that has a byte for each probe (`zephyr_deploy.agent.expiry.probing`)."""
PROBE = 2.0
"""What a probe adds to the counters: a request and a token."""

REBOOT_S = 600.0
"""Most that one reboot counts, in seconds."""
IN_FLIGHT_S = 3600.0
"""How long requests in flight count as use while no counter moves: a gauge may stay as it was when work ended."""
AGAIN_S = 900.0
"""What a machine has that ended itself and was switched on again, for whoever wants to extend it, in seconds."""
WARN_S = (900.0, 300.0)
ANSWER_S = 3.0
"""Longest wait for an engine's figures, in seconds."""
CALL_S = 10.0
LINE = re.compile(r"([a-zA-Z_:][\w:]*)(?:\{.*\})?\s+(\S+)")


class Now(NamedTuple):
    """The clocks of one moment."""

    boot: str
    """The kernel's id of this boot."""
    booted_s: float
    """Seconds since the kernel started, suspended ones included."""
    wall_s: float
    """Seconds since 1970, as far as the machine knows."""


class Seen(NamedTuple):
    """What can be seen of the machine's use."""

    at_work: bool
    """Whether a release is being brought to it."""
    totals: dict[str, float]
    """What each engine that answers has done since its start, by its port."""
    in_flight: bool
    probes: dict[str, int]
    """How often our own program has asked each of them for a token, to see that it generates."""


NOTHING = Seen(at_work=False, totals={}, in_flight=False, probes={})


def counted(state: dict[str, Any], now: Now) -> float:
    """The machine's age, in seconds."""
    if not state:
        return 0.0
    before_s = float(state["age_s"])
    if state["boot"] == now.boot:
        return before_s + max(0.0, now.booted_s - float(state["booted_s"]))
    away_s = max(now.wall_s - float(state["wall_s"]), now.booted_s)
    return before_s + min(away_s, REBOOT_S)


def step(state: dict[str, Any], now: Now, seen: Seen, *, booted: bool) -> dict[str, Any]:
    """The next state; ``booted``: this is the first look since a boot."""
    age_s = counted(state, now)
    before = state or {"used_at_s": age_s, "totals": {}, "probes": {}}
    answered = bool(before.get("answered")) and not booted and not seen.at_work
    unused = {port: _credit(before, seen, port) for port in seen.totals}
    moved = any(credit < 0 for credit in unused.values())
    # What is in flight may be a probe that has not been counted yet.
    in_flight = seen.in_flight and not any(credit > 0 for credit in unused.values())
    busy_s = before.get("busy_s") if in_flight else None
    busy_s = age_s if in_flight and (moved or busy_s is None) else busy_s
    works = busy_s is not None and age_s - busy_s <= IN_FLIGHT_S
    again = booted and bool(before.get("ended"))
    used = moved or works or seen.at_work or again or (bool(seen.totals) and not answered)
    return {
        **now._asdict(),
        "age_s": age_s,
        "used_at_s": age_s if used else before["used_at_s"],
        "busy_s": busy_s,
        "answered": answered or bool(seen.totals),
        "totals": {**before["totals"], **seen.totals},
        "probes": {**before["probes"], **seen.probes},
        "credits": {**before.get("credits", {}), **{port: max(0.0, credit) for port, credit in unused.items()}},
        "until_s": age_s + AGAIN_S if again else before.get("until_s", 0.0),
        "warned_s": before.get("warned_s"),
    }


def _credit(state: dict[str, Any], seen: Seen, port: str) -> float:
    """How much our probes have yet to add to an engine's counters; negative: others asked it.

    A probe is written down before it is made, so a look may come in between; counters that are lower began anew.
    """
    before, total = float(state["totals"].get(port, 0.0)), seen.totals[port]
    ours = PROBE * max(0, seen.probes.get(port, 0) - int(state["probes"].get(port, 0)))
    grown = total - (before if total >= before else 0.0)
    return float(state.get("credits", {}).get(port, 0.0)) + ours - grown


def end(state: dict[str, Any], limits: dict[str, Any]) -> tuple[float, str]:
    """Seconds that are left, and the reason for the end; infinite where there is no limit."""
    time_s, idle_s = lefts(state, limits)
    if time_s is not None and (idle_s is None or time_s <= idle_s):
        return time_s, "its time limit"
    return (math.inf, "") if idle_s is None else (idle_s, "nobody uses it")


def lefts(state: dict[str, Any], limits: dict[str, Any]) -> tuple[float | None, float | None]:
    """Seconds until its time limit, and until it has been unused for too long; None: there is no such limit."""
    ttl_s, idle_s = limits.get("ttl_s"), limits.get("idle_s")
    grace_s = 0.0 if state["answered"] else limits.get("grace_s", 0.0)
    return (
        None if ttl_s is None else max(ttl_s, state["until_s"]) - state["age_s"],
        None if idle_s is None else used_at(state, limits) + idle_s + grace_s - state["age_s"],
    )


def used_at(state: dict[str, Any], limits: dict[str, Any]) -> float:
    """The age at which it was used last, in seconds; to extend its life is to use it."""
    return float(max(state["used_at_s"], limits.get("used_at_s", 0.0)))


def warning(state: dict[str, Any], left_s: float) -> bool:
    """Whether to warn now; noted in the state, so that each warning comes once."""
    due = min((mark for mark in WARN_S if left_s <= mark), default=None)
    before, state["warned_s"] = state.get("warned_s"), due
    return due is not None and (before is None or due < before)


def look(root: Path, limits: dict[str, Any]) -> Seen:
    """How the machine is used now."""
    totals, in_flight, probes = {}, False, {}
    for port in sorted({_port(path) for path in root.glob(PORTS)} - {0}):
        text = _metrics(port)
        if text is not None:
            totals[str(port)] = _sum(text, limits.get("counters", ()))
            in_flight = in_flight or _sum(text, limits.get("gauges", ())) > 0
            probed = root / f"{PROBES}{port}"  # after the figures: what is in them was written down before
            probes[str(port)] = probed.stat().st_size if probed.exists() else 0
    return Seen(_at_work(root), totals, in_flight, probes)


def _port(path: Path) -> int:
    try:
        return int(path.read_text().split("=", 1)[1].split()[0])
    except (OSError, ValueError, IndexError):
        return 0


def _metrics(port: int) -> str | None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_S)
    try:
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        text = answer.read(1 << 22).decode(errors="replace")
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return text if answer.status == http.client.OK else None


def _sum(text: str, names: list[str]) -> float:
    found = 0.0
    for line in text.splitlines():
        match = LINE.match(line)
        if match and match[1] in names:
            try:
                value = float(match[2])
            except ValueError:
                continue
            found += value if math.isfinite(value) else 0.0
    return found


def _at_work(root: Path) -> bool:
    """Whether a deployment's lock is held, by the kernel's own table (proc(5)): to try it would be to take it."""
    locks = {str(path.stat().st_ino) for path in root.glob(LOCKS)}
    rows = [line.split() for line in Path("/proc/locks").read_text().splitlines()] if locks else []
    return any(row[1] == "FLOCK" and row[5].rpartition(":")[2] in locks for row in rows)


def clocks() -> Now:
    """The clocks now."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return Now(boot, time.clock_gettime(time.CLOCK_BOOTTIME), time.time())


def read(path: Path) -> dict[str, Any]:
    """JSON; empty where there is none."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write(path: Path, data: dict[str, Any]) -> None:
    """Write JSON: all of it, or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    with part.open("w") as file:
        json.dump(data, file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def known(root: Path) -> dict[str, Any]:
    """The state as it was written last; empty at the first look of all."""
    return read(root / VOLATILE) or read(root / KEPT)


def keep(root: Path, state: dict[str, Any]) -> None:
    """Write the state. A full disk costs what a reboot then forgets, and nothing else."""
    for path in (VOLATILE, KEPT):
        try:
            write(root / path, state)
        except OSError as error:
            note(f"/{path} cannot be written: {error.strerror}")


def tick(root: Path, now: Now, seen: Seen, limits: dict[str, Any]) -> tuple[float, str, bool]:
    """One look, noted: seconds left, the reason for the end, and whether to warn of it."""
    state = step(known(root), now, seen, booted=not (root / VOLATILE).exists())
    left_s, why = end(state, limits)
    warn, (time_s, idle_s) = warning(state, left_s), lefts(state, limits)
    told = {"left_s": time_s, "idle_left_s": idle_s, "unused_s": state["age_s"] - used_at(state, limits)}
    keep(root, {**state, **told, "ended": left_s <= 0})
    return left_s, why, warn


def main(root: Path = Path("/")) -> int:
    """Look once, and end the machine if its time has come; 1 where it does not know its limits."""
    limits = read(root / LIMITS)
    if not limits:
        note(f"/{LIMITS} cannot be read: this machine does not end itself")
        return 1
    now = clocks()
    # Nobody is asked once the time is over: who does not answer could hold it up.
    over = limits.get("ttl_s") is not None and counted(known(root), now) >= limits["ttl_s"]
    left_s, why, warn = tick(root, now, NOTHING if over else look(root, limits), limits)
    if left_s <= 0:
        say(f"This machine ends now: {why}.")
        # A unit that does not stop holds it up for half an hour at most: see JobTimeoutSec of poweroff.target.
        forces: tuple[list[str], ...] = ([], ["--force"], ["--force", "--force"])
        return 0 if any(run("systemctl", "poweroff", *force) for force in forces) else 1
    if warn:
        say(f"This machine ends in {math.ceil(left_s / 60)} min: {why}. From your own: zephyr-deploy extend")
    return 0


def note(message: str) -> None:
    """Tell the journal."""
    sys.stdout.write(message + "\n")
    sys.stdout.flush()


def say(message: str) -> None:
    """Tell the journal, and whoever is logged in."""
    note(message)
    if shutil.which("wall"):
        run("wall", message)


def run(*command: str) -> bool:
    """Whether a program ended well; one that hangs does not hold us up."""
    try:
        return subprocess.call(command, timeout=CALL_S) == 0
    except subprocess.TimeoutExpired:
        return False


if __name__ == "__main__":
    raise SystemExit(main())
