"""One release's engine on this node: its ports, its unit, and the wait until it generates."""

from __future__ import annotations

import re
import socket
import time
from typing import TYPE_CHECKING, Any

from zephyr_deploy.agent import docker, health, units
from zephyr_deploy.agent.errors import NodeError
from zephyr_deploy.agent.files import put

if TYPE_CHECKING:
    from zephyr_deploy.agent.layout import Layout
    from zephyr_deploy.agent.report import Phase, Report

FIRST_PORT, LAST_PORT = 18000, 18999
"""Where engines listen on the loopback interface, below the ports that Linux gives to clients (32768)."""
POLL_S = 0.3
MOST_RESTARTS = 2
"""An engine that ended this often while it should start will not start."""
GENERATE_S = 60.0
SHOWN_LINES = 30


class Engine:
    """The engine of one release.

    Args:
        layout: Of the deployment.
        release: Its id.
        about: Its ``release.json``.
    """

    def __init__(self, layout: Layout, release: str, about: dict[str, Any]) -> None:
        self.layout = layout
        self.release = release
        self.about = about
        self.unit = layout.unit(release)
        self._journal = units.Journal(self.unit, since="-2min")

    @property
    def active(self) -> bool:
        """Whether systemd runs it."""
        return units.active(self.unit)

    @property
    def port(self) -> int:
        """Where it listens; 0 before it was ever started."""
        try:
            text = (self.layout.ports / f"{self.release}.env").read_text()
        except OSError:
            return 0
        return int(text.split("=", 1)[1].split()[0])

    def install(self, unit_text: str) -> None:
        """Give it ports and a unit."""
        if not self.active:
            wanted = int(self.about.get("ports", 1))
            first = free_ports(wanted, taken={int(p.read_text().split("=")[1].split()[0]) for p in self._others()})
            names = ["ZEPHYR_PORT", *(f"ZEPHYR_PORT_{place}" for place in range(1, wanted))]
            lines = [f"{name}={first + place}" for place, name in enumerate(names)]
            put(self.layout.ports / f"{self.release}.env", "\n".join(lines) + "\n")
        units.install({self.unit: unit_text})

    def _others(self) -> list[Any]:
        return [path for path in self.layout.home.parent.glob("*/ports/*.env") if path.stem != self.release]

    def start(self) -> None:
        """Start it now and at every boot."""
        self._journal = units.Journal(self.unit, cursor=units.place_now())
        units.start(self.unit)

    def stop(self) -> None:
        """Let its requests end, then stop it; returns when it is gone."""
        units.stop(self.unit, float(self.about.get("stop_s", 90)) + 30.0)
        docker.remove(self.layout.container(self.release))

    def why_not(self, timeout_s: float = GENERATE_S) -> str:
        """Why it does not generate now; empty when it does."""
        return health.generates(self.port, self.about["check"], timeout_s)

    def wait_ready(self, report: Report, phase: Phase, request: dict[str, Any]) -> None:
        """Wait until it generates.

        Args:
            report: Asked whether anybody listens.
            phase: Is told the seconds and the stage, by the engine's own log.
            request: ``ready_s`` (longest wait), ``causes`` (patterns of failures), ``milestones`` (name, pattern).

        Raises:
            NodeError: its log shows why it cannot start; it ends again and again; it is not ready in time.
        """
        start, log = time.monotonic(), []
        stages = [(name, re.compile(pattern)) for name, pattern in request.get("milestones", [])]
        before = int(units.show(self.unit).get("NRestarts") or 0)
        while (elapsed := time.monotonic() - start) < request["ready_s"]:
            report.check()
            new = self._journal.more()
            log += new
            self._judge(log, new, before, request.get("causes", []))
            phase.progress(elapsed, None, "seconds", _stage(stages, log))
            if health.ask(self.port, "GET", self.about["check"]["health"], timeout_s=5.0).ok and not self.why_not():
                return
            time.sleep(POLL_S)
        why = self.why_not(timeout_s=5.0)
        said = f"release {self.release} did not generate a token within {request['ready_s']:g} s ({why})"
        raise NodeError("deadline", said, "See `zephyr-deploy logs`.", log=log[-SHOWN_LINES:])

    def _judge(self, log: list[str], new: list[str], before: int, causes: list[dict[str, str]]) -> None:
        """Raise as soon as the log or systemd shows that it will not become ready."""
        for cause in causes:
            pattern = re.compile(cause["pattern"])
            for line in new:
                if pattern.search(line):
                    raise self._failed(cause["cause"], cause["fix"], line, log)
        shown = units.show(self.unit)
        restarts = int(shown.get("NRestarts") or 0) - before
        if shown.get("ActiveState") == "failed" or restarts >= MOST_RESTARTS:
            code = shown.get("ExecMainStatus", "?")
            line = next((text for text in reversed(log) if text.strip()), "")
            why = self._killed() or f"it ended {max(1, restarts)} times (exit code {code})"
            raise self._failed(why, "See all that it said: `zephyr-deploy logs`.", line, log)

    def _killed(self) -> str:
        found = docker.container(self.layout.container(self.release))
        if found and found.get("State", {}).get("OOMKilled"):
            return "the kernel ended it: the node has too little memory (OOM)"
        return ""

    def _failed(self, cause: str, fix: str, line: str, log: list[str]) -> NodeError:
        said = f"release {self.release} did not start: {cause}"
        return NodeError("engine_failed", said, fix, line=line.strip(), log=log[-SHOWN_LINES:])


def _stage(stages: list[tuple[str, Any]], log: list[str]) -> str:
    """The stage that the engine is in: the first whose end its log does not show yet."""
    for name, pattern in stages:
        if not any(pattern.search(line) for line in log):
            return name
    return ""


def free_ports(count: int, taken: set[int]) -> int:
    """First of ``count`` consecutive ports that nobody listens at.

    Raises:
        NodeError: there are none.
    """
    for first in range(FIRST_PORT, LAST_PORT, count):
        if not any(abs(first - other) < count for other in taken) and all(
            _free(first + place) for place in range(count)
        ):
            return first
    raise NodeError("config", f"no port from {FIRST_PORT} to {LAST_PORT} is free on the node")


def _free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
