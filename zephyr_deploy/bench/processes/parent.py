"""Begins the processes of a load, waits for all of them, and puts together what they found."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from zephyr_deploy.bench.processes.child import live
from zephyr_deploy.bench.processes.fork import fork
from zephyr_deploy.bench.processes.results import error_in, merged, unpacked
from zephyr_deploy.bench.processes.share import Share
from zephyr_deploy.bench.processes.slate import Slate
from zephyr_deploy.errors import CapacityError, DeadlineError, UsageError, ZephyrError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zephyr_deploy.bench.driven import Driven
    from zephyr_deploy.bench.load.board import Board
    from zephyr_deploy.bench.processes.child import Work

LOOK_S = 0.05
SOON_NS = 20_000_000
"""From the moment when all are ready to that at which all begin: ten times as long as they take to see it."""
SILENT_S = 60.0
"""Each process gives a sign of life several times a second; one that is silent for this long, in seconds, hangs."""
FEWER = "Put less on the server at once, or use fewer processes: --processes 1"


@dataclass
class _Child:
    share: Share
    pid: int
    file: IO[bytes]
    status: int | None = None
    """As the system tells it; None: it lives."""

    @property
    def name(self) -> str:
        return f"process {self.share.index + 1} of {self.share.of} of the load"


async def in_processes(many: int, work: Work, board: Board, *, silent_s: float = SILENT_S) -> Driven:
    """Drive a load by ``many`` forked processes; what they found is put together as if one had done it.

    Args:
        many: How many.
        work: Drives one share, in an event loop of its own.
        board: Where others can see how far they are, and end them early.
        silent_s: A process that gives no sign of life for so many seconds is ended.

    Raises:
        CapacityError: a process was killed, as the system does where memory runs out.
        DeadlineError: a process hung.
        UsageError: this system cannot fork.
        ZephyrError: what a process ended with.
    """
    if not hasattr(os, "fork"):
        raise UsageError("This system cannot drive a load by several processes.", hint="Add --processes 1.")
    slate = Slate(many)
    board.on_stop(slate.stop)
    with _children(many, slate, work) as children:
        while any(child.status is None for child in children):
            await asyncio.sleep(LOOK_S)
            for child in children:
                _look(child, slate, silent_s)
            board.elsewhere, board.done, board.failed = slate.begun, slate.done, slate.failed
            board.held_back = slate.held_back
            if slate.all_ready and not slate.begin_ns:
                slate.begin_ns = time.perf_counter_ns() + SOON_NS
        return merged([_result(child) for child in children])


@contextmanager
def _children(many: int, slate: Slate, work: Work) -> Iterator[list[_Child]]:
    """The processes; none of them outlives the body."""
    children: list[_Child] = []
    tie = os.pipe()
    try:
        for index in range(many):
            file = tempfile.TemporaryFile()  # noqa: SIM115 - closed below
            children.append(_Child(Share(index, many), 0, file))
            slate.beat(index)
            children[-1].pid = _fork(children[-1], slate, work, tie)
        yield children
    finally:
        for end in tie:
            os.close(end)
        for child in children:
            _end(child)
            child.file.close()


def _fork(child: _Child, slate: Slate, work: Work, tie: tuple[int, int]) -> int:
    pid = fork()
    if pid == 0:
        live(child.share, slate, work, child.file, tie)
    return pid


def _look(child: _Child, slate: Slate, silent_s: float) -> None:
    if child.status is None:
        pid, status = os.waitpid(child.pid, os.WNOHANG)
        child.status = status if pid else None
    if child.status is None and slate.silent_s(child.share.index) > silent_s:
        raise DeadlineError(f"{child.name} gave no sign of life for {silent_s:g} s", hint=FEWER)
    if child.status:
        raise _failure(child)


def _failure(child: _Child) -> ZephyrError:
    code = os.waitstatus_to_exitcode(child.status or 0)
    if code == -signal.SIGKILL:
        return CapacityError(f"{child.name} was killed, as the system does when memory runs out", hint=FEWER)
    if code < 0:
        return ZephyrError(f"{child.name} was ended by signal {-code} ({signal.Signals(-code).name})", hint=FEWER)
    error = error_in(_read(child))
    if isinstance(error, ZephyrError):
        return error
    said = (error or "").strip()
    last = said.splitlines()[-1] if said else f"exit code {code}"
    return ZephyrError(f"{child.name} failed: {last}", hint=FEWER, details={"traceback": said})


def _result(child: _Child) -> Driven:
    try:
        return unpacked(_read(child))
    except ValueError as error:
        raise ZephyrError(f"{child.name} left no whole results", hint=FEWER) from error


def _read(child: _Child) -> bytes:
    child.file.seek(0)
    return child.file.read()


def _end(child: _Child) -> None:
    if child.status is None and child.pid:
        with suppress(ProcessLookupError):
            os.kill(child.pid, signal.SIGKILL)
        _, child.status = os.waitpid(child.pid, 0)
