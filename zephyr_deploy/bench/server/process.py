"""Reads a server's metrics from a process of its own, which the load's loop never waits for."""

from __future__ import annotations

import json
import os
import select
import signal
import tempfile
import time
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from zephyr_deploy.agent.scrape import Server, Source, beside, version_of
from zephyr_deploy.bench.processes.fork import fork, leave_home
from zephyr_deploy.bench.server.raw import Raw, of_level
from zephyr_deploy.bench.server.view import ServerMachine
from zephyr_deploy.bench.server.witness import Seen
from zephyr_deploy.endpoint.userinfo import basic, without_user

if TYPE_CHECKING:
    from typing import Any, NoReturn

    from zephyr_deploy.endpoint.types import Endpoint

MARK_S = 3.0
"""Longest wait for a reading that was asked for, in seconds."""
END_S = 1.0


class MetricsProcess:
    """The process; ends with `close`, and by itself where this one dies.

    A fork, which costs a few milliseconds; to start a Python for it would cost forty.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        from zephyr_deploy.engines.shown import all_shown, shown_by

        names = {name for shown in all_shown() for name in shown.names}
        server = Server(*_request(endpoint))
        version_path = shown_by(endpoint.engine).version_path
        self._asked = self._answered = 0
        self._said: list[dict[str, Any]] = []
        self._looked_at = 0
        self._status: int | None = None
        """As the system tells it; None: it lives."""
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        commands, self._commands = os.pipe()
        self._answers, answers = os.pipe()
        try:
            self._pid = fork()
            if self._pid == 0:
                _live(server, Source(server, names), version_path, self._log.fileno(), (commands, answers))
        finally:
            os.close(commands)
            os.close(answers)

    def mark(self) -> None:
        """Take a reading now, as `Witness.mark`."""
        self._asked += 1
        with suppress(BrokenPipeError):  # it has died: `seen` finds no readings
            os.write(self._commands, b".")
        end = time.monotonic() + MARK_S
        while self._answered < self._asked and (left := end - time.monotonic()) > 0:
            if not select.select([self._answers], [], [], left)[0]:
                return
            said = os.read(self._answers, 1024)
            if not said:  # it has died: `seen` says so
                self._ended(wait=True)
                return
            self._answered += len(said)

    def seen(self, began_ns: int, ended_ns: int) -> Seen:
        """What was seen between the two instants, as `Witness.seen`."""
        is_gone = self._ended()  # looked at first: what it has written before that counts
        raws = [Raw(line["at_ns"], line) for line in self._lines() if "at_ns" in line]
        readings, whys = of_level(raws, began_ns, ended_ns)
        if is_gone and not any(raw.found.get("final") for raw in raws):
            whys.append("the process that reads them has ended")
        if not readings and not whys:
            whys = ["nothing came within the level"]
        return Seen(readings=readings, notes=tuple(f"The server's metrics could not be read: {why}." for why in whys))

    def about(self) -> ServerMachine:
        """The version of its engine."""
        return ServerMachine(engine_version=next((line["version"] for line in self._lines()[:1]), "") or None)

    def close(self) -> None:
        """End the process; a reading that is under way is not waited for."""
        if self._log.closed:
            return
        os.close(self._commands)
        end = time.monotonic() + END_S
        while (left := end - time.monotonic()) > 0 and select.select([self._answers], [], [], left)[0]:
            if not os.read(self._answers, 1024):  # it has nothing open any more
                break
        else:
            if not self._ended():
                os.kill(self._pid, signal.SIGKILL)
        self._ended(wait=True)
        os.close(self._answers)
        self._log.close()

    def _ended(self, *, wait: bool = False) -> bool:
        if self._status is None:
            try:
                pid, status = os.waitpid(self._pid, 0 if wait else os.WNOHANG)
            except ChildProcessError:  # the system has forgotten it, as it does for who ignores SIGCHLD
                pid, status = self._pid, 0
            self._status = status if pid else None
        return self._status is not None

    def _lines(self) -> list[dict[str, Any]]:
        """All that it has written until now; it has the file's offset, so that is left where it is."""
        number = self._log.fileno()
        new = os.pread(number, os.fstat(number).st_size - self._looked_at, self._looked_at)
        whole = new[: new.rfind(b"\n") + 1]
        self._looked_at += len(whole)
        self._said += [json.loads(line) for line in whole.splitlines()]
        return self._said


def _live(server: Server, source: Source, version_path: str, log: int, pipes: tuple[int, int]) -> NoReturn:
    """What the process does from the fork to its end; nobody hears its errors, `seen` says that it has ended."""
    code = 1
    try:
        leave_home({log, *pipes})
        os.write(log, json.dumps({"version": version_of(server, version_path)}).encode() + b"\n")
        beside(source, log, *pipes)
        code = 0
    finally:
        os._exit(code)


def _request(endpoint: Endpoint) -> tuple[str, dict[str, str]]:
    """The address without user and password, and the headers that authorize."""
    parts = urlsplit(without_user(endpoint.url))
    place = urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))
    return place, {**basic(endpoint.url), **endpoint.headers()}
