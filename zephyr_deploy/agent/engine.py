"""One release's engine on this node: its ports, its unit, and the wait until it generates."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

from zephyr_deploy.agent import docker, health, units
from zephyr_deploy.agent.errors import SEE_LOG, NodeError
from zephyr_deploy.agent.files import put
from zephyr_deploy.agent.layout import UNITS
from zephyr_deploy.agent.shell import run

if TYPE_CHECKING:
    from zephyr_deploy.agent.layout import Layout
    from zephyr_deploy.agent.report import Phase, Report


END_S = 120.0
"""How long an engine may take to end that is ended at once, in seconds: Docker may be busy."""
GONE_LOOKS = 3
GONE_POLL_S = 0.2
"""A container whose client was ended while Docker made it may appear a moment later."""


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
        self._started = time.time()

    @property
    def active(self) -> bool:
        """Whether systemd runs it."""
        return units.active(self.unit)

    @property
    def installed(self) -> bool:
        """Whether it has a unit."""
        return (UNITS / self.unit).exists()

    @property
    def loads(self) -> bool:
        """Whether it runs and has not opened its port yet, which engines do when they have loaded their model."""
        return self.active and not health.listens(self.port)

    @property
    def uptime_s(self) -> float:
        """Seconds since systemd started it; 0 where it does not run."""
        return units.uptime_s(self.unit)

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
        self._journal = units.Journal(self.unit, cursor=units.place_now())
        self._started = time.time()
        units.start(self.unit)

    def follow(self) -> None:
        """Read what it has said since its start, which was not ours."""
        uptime_s = self.uptime_s
        self._journal = units.Journal(self.unit, since=f"-{math.ceil(uptime_s)}s")
        self._started = time.time() - uptime_s

    def stop(self, grace_s: float | None = None) -> None:
        """Let its requests end, then stop it; returns when it is gone. One that still loads has none, and is ended.

        Args:
            grace_s: How long they may take, in seconds; what is not over then is killed. None: as the release says.
        """
        if self.loads:
            return self.end()
        container = self.layout.container(self.release)
        if grace_s is not None and docker.container(container):
            run(["docker", "stop", "-t", f"{grace_s:.0f}", container], grace_s + 30.0)
        units.stop(self.unit, float(self.about.get("stop_s", 90)) + 30.0)
        return docker.remove(container)

    def end(self) -> None:
        """End it at once and for good, whatever it does.

        While its container is only being made, neither `docker stop` nor a signal to Docker's client reaches it: it
        would run on once it is there, and systemd wait for it. So it is taken away again and again until it is gone.

        Raises:
            NodeError: it is still there.
        """
        container, deadline, gone = self.layout.container(self.release), time.monotonic() + END_S, 0
        units.begin_stop(self.unit)
        while gone < GONE_LOOKS:
            docker.remove(container)
            gone = gone + 1 if units.ended(self.unit) and docker.container(container) is None else 0
            if time.monotonic() > deadline:
                raise NodeError("leftovers", f"{self.unit} did not end within {END_S:g} s", SEE_LOG)
            time.sleep(GONE_POLL_S)
        units.reset(self.unit)

    def answers(self, timeout_s: float) -> bool:
        """Whether anything comes back when it is asked for its health; it may be too busy to generate just now."""
        return health.ask(self.port, "GET", self.about["check"]["health"], timeout_s=timeout_s).status != 0

    def why_not(self, timeout_s: float = health.GENERATE_S) -> str:
        """Why it does not generate now; empty when it does."""
        return health.generates(self.port, self.about["check"], timeout_s)

    def lines(self) -> list[str]:
        """What it has said since the last call, or since its start."""
        return self._journal.more()

    def shown(self) -> dict[str, str]:
        """The properties of its unit, as systemd shows them."""
        return units.show(self.unit)

    def out_of_memory(self) -> bool:
        """Whether the kernel has ended a process of its container for want of memory, since its start."""
        return docker.out_of_memory(self.layout.container(self.release), self._started)

    def wait_ready(self, report: Report, phase: Phase, request: dict[str, Any]) -> None:
        """Wait until it generates.

        Args:
            report: Asked whether anybody listens.
            phase: Is told the seconds and the stage, by the engine's own log.
            request: ``ready_s`` (longest wait), ``causes`` (patterns of failures), ``milestones`` (name, pattern).

        Raises:
            NodeError: its log shows why it cannot start; it ends again and again; it is not ready in time.
        """
        from zephyr_deploy.agent.wait import Wait  # only who waits needs it: a look goes without

        Wait(self, request, self.about["check"]["health"]).run(report, phase)
