"""Reads a deployment's log on this node, and sends no more of it than was asked for."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from zephyr_deploy.agent import units
from zephyr_deploy.agent.errors import NodeError
from zephyr_deploy.agent.layout import Layout, is_front
from zephyr_deploy.agent.stages import Stages
from zephyr_deploy.agent.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from zephyr_deploy.agent.report import Report

POLL_S = 0.5
SEARCHED = 4096
"""Characters of a line that a pattern is tried on: what it costs must not depend on what a request made TGI log."""
GONE_POLLS = 3
"""Looks in a row that find no unit of the deployment, after which it is gone: a redeploy takes none away before it
has put one in its place."""
DOCKER_UNIT = "docker.service"
GATEWAY_HINT = "What the gateway says: --source gateway"


class Entry:
    """One line of a log."""

    def __init__(self, text: str, at: float = 0.0, cursor: str = "", invocation: str = "") -> None:
        self.text = text
        self.at = at
        """Seconds since 1970."""
        self.cursor = cursor
        self.invocation = invocation
        """Which start of the unit it is of."""


class Picker:
    """Says which lines are wanted, by a pattern and by the stage of the engine's start.

    Args:
        grep: Regular expression; empty: every line.
        phase: Stage, one of `Stages.names`; empty: every one.
        milestones: The stages of the engine, as for `Stages`.

    Raises:
        NodeError: the pattern is none; there is no such stage.
    """

    def __init__(self, grep: str = "", phase: str = "", milestones: Iterable[Sequence[str]] = ()) -> None:
        try:
            self._pattern = re.compile(grep) if grep else None
        except re.error as error:
            raise NodeError("config", f"--grep {grep!r} is no regular expression: {error}", "Escape ( [ * +.") from None
        self._stages, self._phase, self._invocation = Stages(milestones), phase, ""
        if phase and phase not in self._stages.names:
            names = ", ".join(self._stages.names) or "none"
            raise NodeError("config", f"the engine's log has no phase {phase}", f"It has: {names}.")

    @property
    def all(self) -> bool:
        """Whether every line is wanted."""
        return self._pattern is None and not self._phase

    @property
    def by_stage(self) -> bool:
        """Whether the lines before are needed to judge one."""
        return bool(self._phase)

    def wants(self, entry: Entry) -> bool:
        """Whether this line is one of them; ask for every line, in order."""
        if entry.invocation != self._invocation:
            self._invocation = entry.invocation
            self._stages.begin()
        if self._phase and self._stages.take(entry.text) != self._phase:
            return False
        return self._pattern is None or self._pattern.search(entry.text[:SEARCHED]) is not None


def read(matches: Sequence[str], *places: str) -> Iterator[Entry]:
    """The journal's entries with these fields (journalctl(1): the same field twice means either), line by line."""
    command = ["journalctl", "--output=json", "--no-pager", "--quiet", *places, *matches]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            for line in process.stdout or ():
                try:
                    found = json.loads(line)
                except ValueError:
                    continue
                yield Entry(
                    units.text_of(found.get("MESSAGE")),
                    int(found.get("__REALTIME_TIMESTAMP", 0)) / 1e6,
                    found.get("__CURSOR", ""),
                    found.get("_SYSTEMD_INVOCATION_ID", ""),
                )
        finally:
            process.kill()


def logs(request: dict[str, Any], report: Report) -> dict[str, Any]:
    """Send lines as ``line`` events; with ``follow`` those that come, over restarts and redeploys, until all is gone.

    The request: ``name``; ``source`` (engine, gateway, docker); ``lines``, the last that many; ``since`` (seconds since
    1970, or None) and ``now``, both by the clock of who asks; ``grep``; ``phase``; ``milestones`` by engine;
    ``follow``.

    Raises:
        NodeError: there is nothing of the deployment; a wish that cannot be read.
    """
    layout = Layout(request["name"])
    source = _Source(layout, request.get("source") or "engine")
    milestones = request.get("milestones", {}).get(source.engine, [])
    picker = Picker(request.get("grep") or "", request.get("phase") or "", milestones)
    last, cursor = _last(source, picker, request, report)
    for text in last:
        report.send("line", line=text)
    if request.get("follow"):
        _follow(source, picker, cursor, report)
    return {}


class _Source:
    """Whose lines are read: of engines, the one that serves, the one that was tried last, and those that come."""

    def __init__(self, layout: Layout, kind: str) -> None:
        self._layout, self._kind = layout, kind
        store = Store(layout)
        tried = [str(entry["release"]) for entry in store.history()[-1:]]
        self._releases = {release for release in (store.current, *tried) if release}
        if not self._releases:
            said = f"there is no log of {layout.name} on the node"
            raise NodeError("not_deployed", said, "Start it with `zephyr-deploy up`.")
        about = next((found for found in map(store.about, (store.current, *tried)) if found), {})
        if is_front(about) and kind == "engine":
            raise NodeError("config", f"the machine is the gateway of {layout.name}: no engine is on it", GATEWAY_HINT)
        self.engine = str(about.get("engine", "")) if kind == "engine" else ""

    def matches(self) -> list[str]:
        """Fields by which journalctl finds its lines now."""
        return [f"_SYSTEMD_UNIT={unit}" for unit in sorted(self._units())]

    def _units(self) -> set[str]:
        if self._kind == "docker":
            return {DOCKER_UNIT}
        if self._kind == "gateway":
            return {self._layout.gateway_unit}
        return {self._layout.unit(release) for release in (*self._releases, *units.installed(self._layout))}

    def gone(self) -> bool:
        """Whether nothing of the deployment is installed."""
        return not units.of(self._layout)


def _last(source: _Source, picker: Picker, request: dict[str, Any], report: Report) -> tuple[Iterable[str], str]:
    """The last lines that are wanted, and the cursor of the last line that was read."""
    count, since = int(request["lines"]), _since(request)
    kept: deque[str] = deque(maxlen=count)
    # The stage that a line is in is known only from the lines before it.
    places = [f"--since=@{since:.3f}"] if since and not picker.by_stage else []
    places += [f"--lines={count}"] if picker.all else []
    cursor = units.place_now()
    for entry in read(source.matches(), *places) if count else ():
        report.check()
        cursor = entry.cursor or cursor
        if picker.wants(entry) and entry.at >= since:
            kept.append(entry.text)
    return kept, cursor


def _since(request: dict[str, Any]) -> float:
    """The oldest time that is wanted, by this machine's clock: that of who asks may differ by hours."""
    if not request.get("since"):
        return 0.0
    return float(request["since"]) + (time.time() - float(request["now"]) if request.get("now") else 0.0)


def _follow(source: _Source, picker: Picker, cursor: str, report: Report) -> None:
    """Send what comes after ``cursor``; the lines of a restart or of the next release too."""
    gone = 0
    while gone < GONE_POLLS:
        report.check()
        place = [f"--after-cursor={cursor}"] if cursor else ["--boot"]
        for entry in read(source.matches(), *place):
            cursor = entry.cursor or cursor
            if picker.wants(entry):
                report.send("line", line=entry.text)
        gone = gone + 1 if source.gone() else 0
        time.sleep(POLL_S)
