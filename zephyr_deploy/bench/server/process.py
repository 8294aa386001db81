"""Reads a server's metrics from a process of its own, which the load's loop never waits for."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from zephyr_deploy.bench.server.raw import Raw, of_level
from zephyr_deploy.bench.server.view import ServerMachine
from zephyr_deploy.bench.server.witness import Seen
from zephyr_deploy.endpoint.userinfo import basic, without_user
from zephyr_deploy.resources import PACKAGE

if TYPE_CHECKING:
    from typing import Any

    from zephyr_deploy.endpoint.types import Endpoint

PROGRAM = PACKAGE / "agent" / "scrape.py"
"""A bare Python without site-packages runs it: 10 to 17 MB, some hundredths of a second to start."""
MARK_S = 3.0
"""Longest wait for a reading that was asked for, in seconds."""
END_S = 1.0


class MetricsProcess:
    """The process; ends with `close`, and by itself where this one dies."""

    def __init__(self, endpoint: Endpoint) -> None:
        from zephyr_deploy.engines.shown import all_shown, shown_by

        names = sorted({name for shown in all_shown() for name in shown.names})
        url, headers = _request(endpoint)
        self._asked = self._answered = 0
        self._said: list[dict[str, Any]] = []
        self._looked_at = 0
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(PROGRAM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=(self._log.fileno(),),
            start_new_session=True,  # Ctrl-C is for the benchmark, which ends it in order
        )
        config = {
            "url": url,
            "headers": headers,
            "names": names,
            "version_path": shown_by(endpoint.engine).version_path,
            "log": self._log.fileno(),
        }
        self._send(json.dumps(config).encode() + b"\n")

    def mark(self) -> None:
        """Take a reading now, as `Witness.mark`."""
        self._asked += 1
        self._send(b".")
        end = time.monotonic() + MARK_S
        answers = self._pipe_out
        while self._answered < self._asked and (left := end - time.monotonic()) > 0:
            if not select.select([answers], [], [], left)[0]:
                return
            said = os.read(answers, 1024)
            if not said:  # it has died: `seen` says so
                return
            self._answered += len(said)

    def seen(self, began_ns: int, ended_ns: int) -> Seen:
        """What was seen between the two instants, as `Witness.seen`."""
        is_gone = self._process.poll() is not None  # looked at first: what it has written before that counts
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
        with suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._log.close()

    @property
    def _pipe_out(self) -> int:
        assert self._process.stdout is not None  # noqa: S101 - it was asked for
        return self._process.stdout.fileno()

    def _send(self, data: bytes) -> None:
        assert self._process.stdin is not None  # noqa: S101 - it was asked for
        with suppress(OSError):  # it has died: `seen` finds no readings
            os.write(self._process.stdin.fileno(), data)

    def _lines(self) -> list[dict[str, Any]]:
        """All that it has written until now; it has the file's offset, so that is left where it is."""
        number = self._log.fileno()
        new = os.pread(number, os.fstat(number).st_size - self._looked_at, self._looked_at)
        whole = new[: new.rfind(b"\n") + 1]
        self._looked_at += len(whole)
        self._said += [json.loads(line) for line in whole.splitlines()]
        return self._said


def _request(endpoint: Endpoint) -> tuple[str, dict[str, str]]:
    """The address without user and password, and the headers that authorize."""
    parts = urlsplit(without_user(endpoint.url))
    place = urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))
    return place, {**basic(endpoint.url), **endpoint.headers()}
