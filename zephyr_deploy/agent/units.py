"""systemd on the node: units of ours, and their journal."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from zephyr_deploy.agent.files import put
from zephyr_deploy.agent.layout import UNITS, release_of
from zephyr_deploy.agent.shell import must, run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zephyr_deploy.agent.layout import Layout

SHOW = ("ActiveState", "SubState", "Result", "ExecMainStatus", "NRestarts", "InvocationID")
RUNS = {"active", "activating", "reloading"}
"""States of a unit that runs, or is about to."""
START_S = 60.0


def install(texts: dict[str, str]) -> bool:
    """Write unit files by name and have systemd read them if any is new; whether one was."""
    changed = [put(UNITS / name, text) for name, text in texts.items()]
    if any(changed):
        must(["systemctl", "daemon-reload"], "systemd does not read our units", START_S)
    return any(changed)


def show(unit: str) -> dict[str, str]:
    """The properties `SHOW` of a unit; ``ActiveState`` is inactive for one that does not exist."""
    return show_all([unit])[0]


def show_all(names: Sequence[str]) -> list[dict[str, str]]:
    """The same of several units, by one call."""
    out = run(["systemctl", "show", *names, f"--property={','.join(SHOW)}"]).out
    # One block a unit, in the order of the names; none where systemd does not answer.
    blocks = [*out.split("\n\n"), *([""] * len(names))][: len(names)]
    return [dict(line.partition("=")[::2] for line in block.splitlines() if "=" in line) for block in blocks]


def uptime_s(unit: str) -> float:
    """Seconds since it became active; 0 where it is not."""
    out = run(["systemctl", "show", unit, "--property=ActiveState,ActiveEnterTimestampMonotonic"]).out
    shown = dict(line.partition("=")[::2] for line in out.splitlines() if "=" in line)
    since = int(shown.get("ActiveEnterTimestampMonotonic") or 0) / 1e6
    return max(0.0, time.clock_gettime(time.CLOCK_MONOTONIC) - since) if shown.get("ActiveState") == "active" else 0.0


def active(unit: str) -> bool:
    """Whether it runs, or is about to."""
    return show(unit).get("ActiveState") in RUNS


def enable(unit: str) -> None:
    """Have a unit started at every boot."""
    must(["systemctl", "enable", "--quiet", unit], f"{unit} cannot be enabled")


def start(unit: str) -> None:
    """Start a unit now; one that runs goes on."""
    reset(unit)
    must(["systemctl", "start", "--no-block", unit], f"{unit} cannot be started", START_S)


def stop(unit: str, timeout_s: float) -> None:
    """Stop a unit; returns when it is gone."""
    must(["systemctl", "stop", unit], f"{unit} cannot be stopped", timeout_s, kind="leftovers")
    reset(unit)


def begin_stop(unit: str) -> None:
    """Have a unit stop; returns at once."""
    must(["systemctl", "stop", "--no-block", unit], f"{unit} cannot be stopped", START_S, kind="leftovers")


def ended(unit: str) -> bool:
    """Whether nothing of it runs and systemd will not start it again."""
    return show(unit).get("ActiveState") in {"inactive", "failed"}


def reset(unit: str) -> None:
    """Have systemd forget that a unit failed."""
    run(["systemctl", "reset-failed", unit])


def remove(names: Sequence[str]) -> None:
    """Delete unit files, so that no boot starts them; those that are not there are passed over."""
    there = [UNITS / name for name in names if (UNITS / name).exists()]
    for path in there:
        run(["systemctl", "disable", "--quiet", path.name])
        path.unlink()
    if there:
        must(["systemctl", "daemon-reload"], "systemd does not read our units", START_S)


def installed(layout: Layout) -> list[str]:
    """Releases of a deployment that have a unit: while one is replaced there are two."""
    found = [path.name for path in UNITS.glob(layout.unit("*")) if path.is_file()]
    return sorted(map(release_of, found))


def of(layout: Layout) -> list[str]:
    """Every unit of a deployment that is there: of its engines, and of its gateway."""
    gateway = [layout.gateway_unit] if (UNITS / layout.gateway_unit).is_file() else []
    return [*map(layout.unit, installed(layout)), *gateway]


class Journal:
    """The lines that a unit's processes write, read a little at a time.

    Args:
        unit: Whose.
        since: From when on, as journalctl reads it (``-2min``, ``@1700000000``); empty: all there is.
        cursor: Only what comes after this place, see `place_now`.
    """

    def __init__(self, unit: str, since: str = "", cursor: str = "") -> None:
        self._unit = unit
        self._since = [f"--since={since}"] if since else []
        self._cursor = cursor

    def more(self) -> list[str]:
        """The lines that have come since the last call."""
        place = [f"--after-cursor={self._cursor}"] if self._cursor else self._since
        command = ["journalctl", f"--unit={self._unit}", "--output=json", "--no-pager", "--quiet", *place]
        lines = []
        for text in run(command).out.splitlines():
            try:
                entry = json.loads(text)
            except ValueError:
                continue
            self._cursor = entry.get("__CURSOR", self._cursor)
            if entry.get("_SYSTEMD_UNIT") == self._unit:  # not systemd's own words about it
                lines.append(text_of(entry.get("MESSAGE")))
        return lines


def place_now() -> str:
    """The journal's end: what is written from now on comes after it; empty where the journal is."""
    out = run(["journalctl", "--lines=0", "--show-cursor", "--no-pager", "--quiet"]).out
    return out.partition("-- cursor: ")[2].strip()


def text_of(message: object) -> str:
    """A journal's message, which is a list of bytes where it is no UTF-8 text."""
    if isinstance(message, list):
        return bytes(message).decode(errors="replace")
    return str(message or "")
