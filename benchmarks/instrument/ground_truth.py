"""Builds and runs ``gtserver.c``, and reads its log: what truly happened, to hold against what a benchmark says."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SOURCE = Path(__file__).with_name("gtserver.c")
FLAGS = ("-O2", "-Wall", "-Wextra", "-Werror")
BUILD_S, END_S, ANSWER_S = 60.0, 30.0, 30.0
NS_PER_MS = 1e6


class NoCompilerError(Exception):
    """There is no C compiler, and so no server."""


def compiler() -> str:
    """``$CC``, else ``cc``.

    Raises:
        NoCompilerError: it is not on PATH.
    """
    name = os.environ.get("CC") or "cc"
    found = shutil.which(name)
    if found is None:
        raise NoCompilerError(f"there is no C compiler ({name}): apt-get install gcc libc6-dev")
    return found


def build(folder: Path) -> Path:
    """Compile the server into ``folder``.

    Raises:
        NoCompilerError: there is no compiler.
    """
    program = folder / "gtserver"
    subprocess.run([compiler(), *FLAGS, "-o", program, SOURCE], check=True, timeout=BUILD_S)
    return program


@dataclass(frozen=True)
class Served:
    """One request in nanoseconds of CLOCK_REALTIME; gtserver.c says what each stamp is."""

    number: int
    connection: int
    api: str
    mode: str
    id: str
    """The header ``x-request-id``."""
    prompt: str
    """How the last message begins: at most 64 characters, as far as they are plain."""
    end: str
    connected_ns: int
    first_byte_ns: int
    received_ns: int
    stamped: bool
    """Whether the kernel gave the stamps of the request."""
    offset_ns: int
    """CLOCK_REALTIME less CLOCK_MONOTONIC, which is ``time.perf_counter_ns``."""
    tokens: int
    tokens_per_event: int
    blocked: int
    due_ns: tuple[int, ...]
    sent_ns: tuple[int, ...]

    @property
    def ttft_ms(self) -> float:
        """From the first byte received to the first token sent."""
        return (self.sent_ns[0] - self.first_byte_ns) / NS_PER_MS

    @property
    def gaps_ms(self) -> list[float]:
        """Between each event with tokens and the one before it."""
        return [(later - earlier) / NS_PER_MS for earlier, later in pairwise(self.sent_ns)]


@dataclass(frozen=True)
class Own:
    """What the server says of itself."""

    events: int
    unstamped: int
    """Requests without a stamp by the kernel."""
    blocked: int
    """Events that a client did not take at once."""
    fifo: bool
    """Whether it ran ahead of everything else (SCHED_FIFO)."""
    cpu_s: float
    late_p50_ns: int
    late_p99_ns: int
    late_max_ns: int


@dataclass(frozen=True)
class Log:
    """All that the server wrote down."""

    served: tuple[Served, ...]
    own: Own


def parsed(text: str) -> Log:
    """The log that ``GET /log`` or ``--log`` gave."""
    *requests, own = (json.loads(line) for line in text.splitlines())
    late = {"late_p50": 0, "late_p99": 0, "late_max": 0, **own}
    return Log(
        tuple(_served(request) for request in requests),
        Own(**{f"{key}_ns" if key.startswith("late_") else key: value for key, value in late.items()}),
    )


def _served(line: dict[str, Any]) -> Served:
    times = ("connected", "first_byte", "received", "offset", "due", "sent")
    named = {f"{key}_ns" if key in times else key: value for key, value in line.items() if key != "request"}
    named.update(due_ns=tuple(line["due"]), sent_ns=tuple(line["sent"]))
    return Served(number=line["request"], **named)


@dataclass(frozen=True)
class GroundTruth:
    """A running server."""

    url: str
    process: subprocess.Popen[str]

    def log(self) -> Log:
        """What it has written down so far."""
        with urllib.request.urlopen(f"{self.url}/log", timeout=ANSWER_S) as answer:
            return parsed(answer.read().decode())

    def settled(self, requests: int, seconds: float = ANSWER_S) -> Log:
        """The log, once ``requests`` requests have come and each of them has an end.

        Raises:
            TimeoutError: they have not within ``seconds``.
        """
        until = time.monotonic() + seconds
        while True:
            log = self.log()
            if len(log.served) >= requests and all(served.end != "open" for served in log.served):
                return log
            if time.monotonic() > until:
                raise TimeoutError(f"{[served.end for served in log.served]} after {seconds:g} s")
            time.sleep(0.01)


@contextmanager
def running(program: Path, *options: str, host: str = "127.0.0.1") -> Iterator[GroundTruth]:
    """The server on a free port, with these options, until the body ends; ``host`` is its address."""
    command: Sequence[str] = [str(program), "--address", host, *options]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        port = int(process.stdout.readline())
        yield GroundTruth(f"http://{host}:{port}", process)
    finally:
        process.communicate(timeout=END_S)
