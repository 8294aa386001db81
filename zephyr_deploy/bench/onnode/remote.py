"""Drives courses from another machine: sends the program and a job there, reads how far it is and what came of it."""

from __future__ import annotations

import asyncio
import json
import shlex
import time
import zlib
from base64 import b64decode
from contextlib import suppress
from functools import cache
from itertools import islice
from math import ceil
from threading import Thread
from typing import TYPE_CHECKING, Any, Protocol

from zephyr_deploy.bench.onnode.travel import archive
from zephyr_deploy.bench.processes.results import error_of, unpacked
from zephyr_deploy.errors import ConfigError, UnreachableError, UsageError, ZephyrError
from zephyr_deploy.resources import PACKAGE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zephyr_deploy.bench.asks import Conversation
    from zephyr_deploy.bench.driven import Driven
    from zephyr_deploy.bench.load.board import Board
    from zephyr_deploy.bench.load.plan import Course
    from zephyr_deploy.bench.place import MeasuredFrom
    from zephyr_deploy.bench.sample import Sample
    from zephyr_deploy.bench.spec import BenchSpec
    from zephyr_deploy.endpoint.types import Endpoint

SPEC = ("client", "deadline_s", "ignore_eos", "max_in_flight", "priority", "processes")
"""What of the spec the program there needs."""
IDLE_S = 60.0
"""It speaks twice a second, but for the moments in which it decodes and packs."""
SPARE_S = 120.0
"""Seconds for all that is not the load."""
STOP_S = 15.0
MOST = 100_000
"""Conversations that are sent along with a level that ends by time."""
SHORTEST_S = 0.05
"""Of an answer, where none has been seen."""
MORE = 2.0
"""How many times as many conversations are sent along as the quickest answer of the warm-up lets expect."""
TIMES = ("taken_ns", "due_ns", "sent_ns", "ended_ns")


class Node(Protocol):
    """A machine on which commands can be run; see `zephyr_deploy.node.connection.NodeConnection`."""

    def run(self, command: str, stdin: bytes = b"", *, deadline_s: float) -> Any:
        """Run a command to its end."""

    def lines(self, command: str, stdin: bytes = b"", *, deadline_s: float, idle_s: float | None, what: str) -> Any:
        """Start a command: an iterator over its lines, with ``close``, ``rc`` and ``stderr``."""


class FromNode:
    """Drives courses from ``node``, on which ``endpoint`` is at the address ``url``; as `Drivers` do from here.

    The key of the endpoint goes through the encrypted connection into the program's memory, and nowhere else.
    """

    place: MeasuredFrom = "node"

    def __init__(self, node: Node, endpoint: Endpoint, url: str, spec: BenchSpec) -> None:
        if spec.client == "tgi":
            raise UsageError(
                "The text-generation client cannot run on the node.", hint="Measure with --client native there."
            )
        self._node, self._endpoint, self._url, self._spec = node, endpoint, url, spec
        self._quickest_s = SHORTEST_S

    async def warm_up(self, course: Course, board: Board) -> list[Sample]:
        """Run a course that is in no figure."""
        samples = (await self._call(course, board, warm_up=True)).samples
        seconds = [(s.ended_ns - s.taken_ns) / 1e9 for s in samples if s.failure is None]
        self._quickest_s = min(seconds, default=SHORTEST_S)
        return samples

    async def drive(self, course: Course, board: Board, *, connections: int) -> Driven:
        """Run a course that is measured, with so many ``connections`` opened before it.

        Raises:
            ConfigError: the machine has no Python that the program can run in.
            UnreachableError: the connection was lost.
            DeadlineError: nothing was heard for too long.
            ZephyrError: what the program ended with.
        """
        return await self._call(course, board, connections=max(connections, course.workers))

    async def _call(self, course: Course, board: Board, *, warm_up: bool = False, connections: int = 0) -> Driven:
        by_time = course.starts_ns is None and course.total is None
        many = self._expected(course) if by_time else None  # else there are no more than there are to be
        listed = list(islice(course.conversations, many))
        job = {
            "endpoint": {
                "url": self._url,
                "engine": self._endpoint.engine,
                "model_id": self._endpoint.model_id,
                "key": self._endpoint.api_key.get_secret_value() if self._endpoint.api_key else None,
            },
            "spec": {name: getattr(self._spec, name) for name in SPEC},
            "warm_up": warm_up,
            "connections": connections,
            "course": {
                "conversations": listed,
                "workers": course.workers,
                "starts_ns": None if course.starts_ns is None else list(course.starts_ns),
                "total": course.total,
                "seconds": course.seconds,
            },
        }
        call = _Call(self._node, job, board, self._longest_s(course, listed))
        board.on_stop(call.stop)
        try:
            return await asyncio.to_thread(call.work)
        finally:
            call.close()

    def _expected(self, course: Course) -> int:
        """Conversations that a closed loop of so many seconds can hold, and more."""
        seconds = course.seconds or 0.0
        return min(MOST, ceil(course.workers * (1 + seconds / self._quickest_s * MORE)))

    def _longest_s(self, course: Course, conversations: Sequence[Conversation]) -> float:
        """How long it can take, if every answer takes as long as it may."""
        each_s = max(map(len, conversations), default=1) * (self._spec.deadline_s + 1)
        at_once = max(1, course.workers) if course.starts_ns is None else self._spec.max_in_flight
        rounds_s = ceil(len(conversations) / at_once) * each_s
        if course.starts_ns is not None:
            rounds_s += course.starts_ns[-1] / 1e9 if course.starts_ns else 0.0
        elif course.seconds is not None:
            rounds_s = min(rounds_s, course.seconds + each_s)
        return rounds_s + SPARE_S


class _Call:
    """One job there. `work` is for a thread of its own, all else for the event loop's."""

    def __init__(self, node: Node, job: dict[str, Any], board: Board, deadline_s: float) -> None:
        self._node, self._job, self._board, self._deadline_s = node, job, board, deadline_s
        self._lines: Any = None
        self._pid: int | None = None
        self._ahead_ns = 0
        """Our clock less that of the machine, as the first line says: too much by the way of that line."""
        self._parts: list[bytes] = []

    def work(self) -> Driven:
        """Return what came of it."""
        self._lines = self._node.lines(
            command(), _stdin(self._job), deadline_s=self._deadline_s, idle_s=IDLE_S, what="the load"
        )
        with self._lines as lines:
            for line in lines:
                event = _parsed(line)
                if event.get("event") == "result":
                    return self._result(int(event["bytes"]))
                self._hear(event)
        said = lines.stderr.strip().splitlines()
        raise _no_answer(said[-1] if said else f"exit code {lines.rc}")

    def stop(self) -> None:
        """Have it end early, with what there is; does not wait for that. What has not begun ends when it does."""
        if self._pid is not None:
            Thread(target=self._interrupt, args=(self._pid,), name="zephyr-load-stop", daemon=True).start()

    def close(self) -> None:
        """End it at once; the program there sees that nobody listens."""
        if self._lines is not None:
            self._lines.close()

    def _interrupt(self, pid: int) -> None:
        with suppress(ZephyrError):
            self._node.run(f"kill -INT {pid}", deadline_s=STOP_S)

    def _hear(self, event: dict[str, Any]) -> None:
        match event.get("event"):
            case "begun":
                self._pid, self._ahead_ns = int(event["pid"]), time.perf_counter_ns() - int(event["now_ns"])
                if self._board.stopped:
                    self.stop()
            case "progress":
                board = self._board
                board.elsewhere, board.done, board.failed = event["begun"], event["done"], event["failed"]
                board.held_back = event["held_back"]
            case "part":
                self._parts.append(b64decode(event["data"]))
            case "old":
                raise _too_old(str(event["version"]))
            case "error":
                text = str(event.get("text") or "").strip()
                why = text.splitlines()[-1] if text else "nobody knows why"
                raise error_of(event["error"]) or ZephyrError(
                    f"the load failed on the node: {why}", details={"traceback": text}
                )

    def _result(self, size: int) -> Driven:
        data = b"".join(self._parts)
        if len(data) != size:
            raise UnreachableError("the results did not come whole from the node", hint="Run it again.")
        driven = unpacked(zlib.decompress(data))
        _shift(driven.samples, self._ahead_ns)
        return driven


def command() -> str:
    """What is typed on the machine: its own Python, with the program on its standard input."""
    return f"python3 -I -S -c {shlex.quote(_bootstrap())}"


@cache
def _bootstrap() -> str:
    return (PACKAGE / "bench" / "onnode" / "bootstrap.py").read_text(encoding="utf-8")


def _stdin(job: dict[str, Any]) -> bytes:
    program = archive()
    return b"%d\n" % len(program) + program + json.dumps(job).encode() + b"\n"


def _parsed(line: str) -> dict[str, Any]:
    """One event; what is none (a login script that prints) is passed over."""
    try:
        event = json.loads(line)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}


def _shift(samples: Sequence[Sample], by_ns: int) -> None:
    """To this machine's clock."""
    for sample in samples:
        for name in TIMES:
            at_ns = getattr(sample, name)
            if at_ns:
                setattr(sample, name, at_ns + by_ns)
        at = sample.events.at_ns
        for place, at_ns in enumerate(at):
            at[place] = at_ns + by_ns


def _no_answer(said: str) -> ZephyrError:
    if "python3" in said:
        hint = "Install it there: sudo apt-get install python3, or measure without --on-node."
        return ConfigError(f"the node has no Python for --on-node: {said}", hint=hint)
    return UnreachableError(f"the load ended on the node without results: {said}", hint="Run it again.")


def _too_old(version: str) -> ConfigError:
    hint = "Measure without --on-node, or give the machine a newer python3."
    return ConfigError(f"--on-node needs Python 3.10 or newer on the node, and it has {version}", hint=hint)
