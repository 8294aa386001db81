"""The wait until an engine generates: its log is read meanwhile, and ends the wait as soon as it shows why it will not.

What generates is ready, whatever its log says. Else the first cause in the order of the engine's list is the answer.
A good line may come a moment after a worse one, so the log has that moment; a line that every failure ends with counts
only once the engine has ended, or has gone on without an answer for long.
"""

from __future__ import annotations

import re
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from zephyr_deploy.agent.errors import SEE_LOG, NodeError
from zephyr_deploy.agent.health import GENERATE_S
from zephyr_deploy.agent.stages import Stages

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from zephyr_deploy.agent.report import Phase, Report

    class Subject(Protocol):
        """What is waited for: `zephyr_deploy.agent.engine.Engine`, or a test's."""

        release: str

        def lines(self) -> list[str]:
            """What it has said since the last call."""

        def shown(self) -> dict[str, str]:
            """The properties of its unit, as systemd shows them."""

        def why_not(self, timeout_s: float) -> str:
            """Why it does not generate now; empty when it does."""

        def out_of_memory(self) -> bool:
            """Whether the kernel has ended it for want of memory."""


POLL_S = 0.3
SETTLE_S = 1.0
"""How long the log may go on after a cause was seen, for a better one, in seconds."""
WEAK_S = 30.0
"""How long an engine may go on after a line that is only a last resort, in seconds: some failures are tried again."""
MOST_RESTARTS = 2
"""An engine that ended this often while it should start will not start."""
NEVER_STARTED_S = 60.0
LAST_LOOK_S = 5.0
SHOWN_LINES = 30
LONGEST_LINE = 2000
RUNS = {"active", "activating", "reloading", "deactivating"}
EXITS = {
    2: "it refuses its arguments (exit code 2)",
    125: "Docker could not start its container (exit code 125)",
    126: "the image's program cannot be run (exit code 126)",
    127: "the image has no such program (exit code 127)",
    137: "it was killed (signal 9), by somebody or for want of memory",
    139: "it crashed (signal 11)",
}
"""Exit codes of `docker run` and of launchers, where they mean something by themselves."""


class Clock:
    """The time; tests have another."""

    @staticmethod
    def now() -> float:
        """Seconds, monotonic."""
        return time.monotonic()

    @staticmethod
    def sleep(seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    @staticmethod
    def join(thread: threading.Thread, seconds: float) -> None:
        """Wait for a thread's end, no longer than that."""
        thread.join(seconds)


class Question:
    """One question whether it generates, asked beside the reading of the log: an engine may accept and never answer."""

    def __init__(self, ask: Callable[[], str]) -> None:
        self.answer: str | None = None
        self._ask = ask
        self.thread = threading.Thread(target=self._run, name="generates", daemon=True)
        self.thread.start()

    def _run(self) -> None:
        self.answer = self._ask()


class Wait:
    """One wait.

    Args:
        subject: What is waited for.
        request: ``ready_s`` (longest wait), ``causes`` (``pattern``, ``cause``, ``fix``, ``weak``), ``milestones``.
        health: Path of the engine's health route, by which reasons begin that are no failed generation.
        clock: The time.
    """

    def __init__(self, subject: Subject, request: dict[str, Any], health: str, clock: Clock | None = None) -> None:
        self._subject = subject
        self._ready_s = float(request["ready_s"])
        self._health = health
        self._clock = clock or Clock()
        causes = sorted(request.get("causes", []), key=lambda cause: bool(cause.get("weak")))
        self._causes = [(re.compile(cause["pattern"]), cause) for cause in causes]
        self._stages = Stages(request.get("milestones", []))
        self._log: deque[str] = deque(maxlen=SHOWN_LINES)
        self._best, self._line = len(self._causes), ""
        self._seen = 0.0
        self._before = int(subject.shown().get("NRestarts") or 0)
        self._restarts = 0
        self._status = ""
        self._ran = False
        self._over = 0

    def run(self, report: Report, phase: Phase) -> None:
        """Wait until it generates.

        Raises:
            NodeError: its log shows why it cannot start; it ends again and again; it is not ready in time.
            GoneError: nobody listens, and nothing holds us.
        """
        start, question = self._clock.now(), None
        while (elapsed := self._clock.now() - start) < self._ready_s:
            report.check()
            if question is None:
                left = min(GENERATE_S, max(1.0, self._ready_s - elapsed))
                question = Question(lambda left=left: self._subject.why_not(left))  # type: ignore[misc]
            self._clock.join(question.thread, POLL_S)
            if question.answer == "":
                return
            self._read()
            self._judge(elapsed)
            phase.progress(elapsed, None, "seconds", self._stages.current)
            if question.answer is not None:
                question = None
                self._clock.sleep(POLL_S)
        raise self._late()

    def _read(self) -> None:
        for line in self._subject.lines():
            self._stages.take(line)
            self._log.append(line[:LONGEST_LINE])
            for place in range(self._best):
                if self._causes[place][0].search(line):
                    if self._best == len(self._causes) or (self._weak and not self._causes[place][1].get("weak")):
                        self._seen = self._clock.now()
                    self._best, self._line = place, line
                    break

    @property
    def _weak(self) -> bool:
        """Whether the best cause so far is a last resort; none is."""
        return self._best == len(self._causes) or bool(self._causes[self._best][1].get("weak"))

    def _judge(self, elapsed: float) -> None:
        """Raise as soon as the log or systemd shows that it will not become ready."""
        shown = self._subject.shown()
        hopeless = self._hopeless(shown, elapsed)
        if self._over > 1 and self._subject.out_of_memory():  # What is too little now is so the next time.
            raise self._failed(*self._end())
        known = self._best < len(self._causes)
        patience = WEAK_S if self._weak else SETTLE_S
        if known and (self._over > 1 or self._clock.now() - self._seen >= patience):
            if self._weak and self._subject.out_of_memory():
                raise self._failed(*self._end())
            cause = self._causes[self._best][1]
            raise self._failed(cause["cause"], cause["fix"], self._line)
        if hopeless:
            raise self._failed(*self._end())

    def _hopeless(self, shown: dict[str, str], elapsed: float) -> bool:
        """Whether systemd will not start it again, or has done so too often."""
        state = shown.get("ActiveState", "")
        self._ran = self._ran or state in RUNS
        restarts = int(shown.get("NRestarts") or 0) - self._before
        if restarts > self._restarts:
            self._restarts = restarts
            self._stages.begin()
        if shown.get("ExecMainStatus", "0") != "0":
            self._status = shown["ExecMainStatus"]
        stopped = state == "failed" or (state == "inactive" and self._ran)
        ended = stopped or shown.get("SubState") == "auto-restart" or restarts > 0
        self._over += ended  # its last words may come a moment after its end: a second look has them
        return (
            (stopped and self._over > 1)
            or restarts >= MOST_RESTARTS
            or (not self._ran and state == "inactive" and elapsed > NEVER_STARTED_S)
        )

    def _end(self) -> tuple[str, str, str]:
        """What is known of an end whose log shows no cause: the reason, what to do, the last line."""
        line = next((text for text in reversed(self._log) if text.strip()), "")
        if self._subject.out_of_memory():
            fix = "Choose a machine with more memory, or a smaller model."
            return "the kernel ended it: the node has too little memory (OOM)", fix, line
        if not self._ran:
            return "systemd did not start it", "See `systemctl status docker` there: `zephyr-deploy ssh`.", line
        code = int(self._status) if self._status.isdigit() else 0
        why = EXITS.get(code, f"it ended by itself (exit code {code})")
        often = f", {self._restarts + 1} times" if self._restarts else ""
        return why + often, SEE_LOG, line

    def _failed(self, cause: str, fix: str, line: str) -> NodeError:
        said = f"release {self._subject.release} did not start: {cause.rstrip('.')}"
        return NodeError("engine_failed", said, fix, line=line.strip()[:LONGEST_LINE], log=list(self._log))

    def _late(self) -> NodeError:
        why = self._subject.why_not(LAST_LOOK_S) or "it does now, too late"
        if not why.startswith((self._health, "it does")):
            why = f"it says that it is healthy, and does not generate: {why}"
        stage = f"; it was at: {self._stages.current}" if self._stages.current else ""
        said = f"release {self._subject.release} did not generate a token within {self._ready_s:g} s ({why}{stage})"
        return NodeError("deadline", said, SEE_LOG, log=list(self._log))
