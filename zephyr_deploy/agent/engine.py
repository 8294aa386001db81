"""One release's engine on this node: its ports, its unit, and the wait until it generates."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

from zephyr_deploy.agent import docker, health, units
from zephyr_deploy.agent.errors import NodeError
from zephyr_deploy.agent.files import put
from zephyr_deploy.agent.layout import UNITS

if TYPE_CHECKING:
    from zephyr_deploy.agent.layout import Layout
    from zephyr_deploy.agent.report import Phase, Report

POLL_S = 0.3
MOST_RESTARTS = 2
"""An engine that ended this often while it should start will not start."""
GENERATE_S = 60.0
SHOWN_LINES = 30
KILLED = "137"
"""Exit code of `docker run` where SIGKILL ended the container."""


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
        self._since = time.time()
        self._journal = units.Journal(self.unit, since="-2min")

    @property
    def active(self) -> bool:
        """Whether systemd runs it."""
        return units.active(self.unit)

    @property
    def installed(self) -> bool:
        """Whether it has a unit."""
        return (UNITS / self.unit).exists()

    @property
    def port(self) -> int:
        """Where it listens; 0 before it was ever started."""
        try:
            text = (self.layout.ports / f"{self.release}.env").read_text()
        except OSError:
            return 0
        return int(text.split("=", 1)[1].split()[0])

    def install(self, unit_text: str, port: int) -> None:
        """Give it a unit, and its ports from ``port`` on."""
        names = ["ZEPHYR_PORT", *(f"ZEPHYR_PORT_{place}" for place in range(1, int(self.about.get("ports", 1))))]
        lines = [f"{name}={port + place}" for place, name in enumerate(names)]
        put(self.layout.ports / f"{self.release}.env", "\n".join(lines) + "\n")
        units.install({self.unit: unit_text})

    def start(self) -> None:
        """Start it now; after a boot, what was written down as serving is started, and not this (see `Apply`)."""
        self._since = time.time()
        self._journal = units.Journal(self.unit, cursor=units.place_now())
        units.start(self.unit)

    def stop(self) -> None:
        """Let its requests end, then stop it; returns when it is gone."""
        units.stop(self.unit, float(self.about.get("stop_s", 90)) + 30.0)

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
            why = self._killed(code) or f"it ended {max(1, restarts)} times (exit code {code})"
            raise self._failed(why, "See all that it said: `zephyr-deploy logs`.", line, log)

    def _killed(self, code: str) -> str:
        """Who killed it; empty if it ended by itself. Docker's events outlive the container, which goes at its end."""
        if docker.was_out_of_memory(self.layout.container(self.release), self._since):
            return "the kernel ended it: there is too little memory (OOM)"
        return "it was killed with signal 9, as the kernel does where memory is short" if code == KILLED else ""

    def _failed(self, cause: str, fix: str, line: str, log: list[str]) -> NodeError:
        said = f"release {self.release} did not start: {cause}"
        return NodeError("engine_failed", said, fix, line=line.strip(), log=log[-SHOWN_LINES:])


def _stage(stages: list[tuple[str, Any]], log: list[str]) -> str:
    """The stage that the engine is in: the first whose end its log does not show yet."""
    for name, pattern in stages:
        if not any(pattern.search(line) for line in log):
            return name
    return ""
