"""How a node speaks: one JSON object a line on stdout, at least one every `HEARTBEAT_S` seconds.

``{"event": "phase", "phase": ..., "title": ..., "state": "started" | "done" | "unchanged" | "failed",
"seconds": ...}``,
``{"event": "progress", "phase": ..., "done": ..., "total": ..., "unit": "bytes" | "seconds", "detail": ...}``,
``{"event": "notice", "message": ..., "level": "info" | "warning"}``, ``{"event": "alive"}``, ``{"event": "line", ...}``
and, once and last, ``{"event": "result", ...}`` or ``{"event": "error", "kind": ..., "message": ..., ...}``.
"""

from __future__ import annotations

import json
import os
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from zephyr_deploy.agent.errors import GoneError, NodeError

if TYPE_CHECKING:
    from collections.abc import Iterator

HEARTBEAT_S = 1.0
PROGRESS_S = 0.25
"""Progress of one phase is told at most this often."""


class Phase:
    """A part of the work while it runs."""

    def __init__(self, report: Report, name: str) -> None:
        self.name = name
        self.state = "done"
        self.detail = ""
        self._report = report
        self._told = 0.0

    def progress(self, done: float, total: float | None, unit: str = "bytes", detail: str = "") -> None:
        """Say how far it has come; most calls are not passed on."""
        now = time.monotonic()
        if now - self._told < PROGRESS_S and done != total:
            return
        self._told = now
        self._report.send("progress", phase=self.name, done=done, total=total, unit=unit, detail=detail)

    def unchanged(self, detail: str) -> None:
        """Say that there was nothing to do."""
        self.state, self.detail = "unchanged", detail


class Report:
    """Writes the lines. Once a write has failed, nobody listens: `check` raises `GoneError`, except in `to_the_end`.

    Once a later call wants something else, `check` raises everywhere.
    """

    def __init__(self, descriptor: int = 1) -> None:
        self._descriptor = descriptor
        self._lock = threading.Lock()
        self._gone = threading.Event()
        self._must_end = False
        self.dismissed = False
        """Whether a later call of the same user wants something else."""

    def send(self, event: str, **facts: Any) -> None:
        """Write one line."""
        data = json.dumps({"event": event, **facts}, ensure_ascii=False).encode() + b"\n"
        with self._lock:
            try:
                while data and not self._gone.is_set():
                    data = data[os.write(self._descriptor, data) :]
            except OSError:
                self._gone.set()

    def notice(self, message: str, level: str = "info") -> None:
        """Tell one thing that the user should know."""
        self.send("notice", message=message, level=level)

    def leave(self) -> None:
        """Behave as if nobody listened: what a signal to end asks for."""
        self._gone.set()

    def dismiss(self) -> None:
        """Have the work end, a switch taken back: a later call wants something else."""
        self.dismissed = True
        self._gone.set()

    def check(self) -> None:
        """See whether the work is still wanted.

        Raises:
            GoneError: nobody listens, and this is not within `to_the_end`.
            NodeError: a later call of the same user wants something else.
        """
        if self.dismissed:
            raise NodeError("locked", "a later call from the same machine took over", "Run it again.")
        if self._gone.is_set() and not self._must_end:
            raise GoneError

    @contextmanager
    def to_the_end(self) -> Iterator[None]:
        """Within the body work goes on whoever listens: half a switch is worse than a whole one that nobody saw."""
        before, self._must_end = self._must_end, True
        try:
            yield
        finally:
            self._must_end = before

    @contextmanager
    def phase(self, name: str, title: str) -> Iterator[Phase]:
        """Run the body as a phase, timed on this machine's own monotonic clock."""
        self.send("phase", phase=name, title=title, state="started")
        handle, start = Phase(self, name), time.monotonic()
        try:
            yield handle
        except BaseException:
            handle.state = "failed"
            raise
        finally:
            seconds = time.monotonic() - start
            self.send("phase", phase=name, title=title, state=handle.state, seconds=seconds, detail=handle.detail)

    @contextmanager
    def heartbeat(self) -> Iterator[None]:
        """Give a sign of life every second while the body runs, so that the other end can tell silence from work."""
        stop = threading.Event()

        def beat() -> None:
            while not stop.wait(HEARTBEAT_S):
                self.send("alive")

        thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
