"""What runs on the machine that serves: drives one course, and tells how far it is and what came of it.

One JSON object a line on standard output: ``begun`` (process and clock), ``progress``, then ``part`` (base64 of a piece
of the compressed results) until ``result``, or ``error``. Once a write fails nobody listens, and the program ends.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
import traceback
import zlib
from array import array
from base64 import b64encode
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from zephyr_deploy.bench.asks import Turn
from zephyr_deploy.bench.driven import Driven
from zephyr_deploy.bench.drivers import Drivers
from zephyr_deploy.bench.load.board import Board
from zephyr_deploy.bench.load.plan import Course, for_time
from zephyr_deploy.bench.processes.results import packed, said
from zephyr_deploy.bench.wire.client import open_wire
from zephyr_deploy.bench.wire.loop import run as on_stream_loop
from zephyr_deploy.errors import ZephyrError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zephyr_deploy.bench.asks import Conversation

TELL_S = 0.5
PIECE = 48 * 1024
NOT_HEARD = 3


class Target:
    """The server, as much of it as a client asks for; `zephyr_deploy.endpoint.types.Endpoint` here."""

    def __init__(self, said: dict[str, Any]) -> None:
        self.url, self.engine, self.model_id = said["url"], said["engine"], said["model_id"]
        self._key = said["key"]

    def headers(self) -> dict[str, str]:
        """The HTTP headers that authorize a request."""
        return {"Authorization": f"Bearer {self._key}"} if self._key else {}


class NotHeardError(Exception):
    """Nobody listens."""


def main(job: dict[str, Any]) -> int:
    """Do the job; the exit code is 0 when the last line is a result."""
    try:
        return _do(job)
    except NotHeardError:
        return NOT_HEARD


def _do(job: dict[str, Any]) -> int:
    try:
        driven = on_stream_loop(_run(job))
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # it has ended: what comes late must not cost the results
        data = zlib.compress(packed(driven), 1)
        for at in range(0, len(data), PIECE):
            tell("part", data=b64encode(data[at : at + PIECE]).decode())
        tell("result", bytes=len(data))
    except NotHeardError:
        raise
    except ZephyrError as error:
        tell("error", error=said(error))
    except Exception:  # noqa: BLE001 - the edge of the program: what nobody expected is told too
        tell("error", error=None, text=traceback.format_exc())
    else:
        return 0
    return 1


def tell(event: str, **facts: Any) -> None:
    """Write one line.

    Raises:
        NotHeardError: nobody listens.
    """
    rest = json.dumps({"event": event, **facts}).encode() + b"\n"
    try:
        while rest:
            rest = rest[os.write(1, rest) :]
    except OSError as error:
        raise NotHeardError from error


async def _run(job: dict[str, Any]) -> Driven:
    board = Board()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, board.stop, "an interrupt")
    tell("begun", pid=os.getpid(), now_ns=time.perf_counter_ns())
    endpoint, spec = Target(job["endpoint"]), SimpleNamespace(**job["spec"])
    driving = asyncio.create_task(_drive(job, endpoint, spec, board))
    while not driving.done():
        _tell_how_far(board)
        await asyncio.wait([driving], timeout=TELL_S)
    _tell_how_far(board)
    return driving.result()


def _tell_how_far(board: Board) -> None:
    begun = board.done + board.under_way
    tell("progress", begun=begun, done=board.done, failed=board.failed, held_back=board.held_back)


async def _drive(job: dict[str, Any], endpoint: Any, spec: Any, board: Board) -> Driven:
    async with open_wire(endpoint, spec) as client:
        drivers = Drivers(spec, client, lambda: open_wire(endpoint, spec))
        if job["warm_up"]:
            return Driven(await drivers.warm_up(_course(job["course"]), board))
        return await drivers.drive(_course(job["course"]), board, connections=job["connections"])


def _course(said: dict[str, Any]) -> Course:
    conversations: Iterator[Conversation] = (
        tuple(Turn(*turn) for turn in conversation) for conversation in said["conversations"]
    )
    if said["seconds"] is not None and said["starts_ns"] is None:
        conversations = for_time(conversations, said["seconds"])
    return Course(
        conversations,
        workers=said["workers"],
        starts_ns=None if said["starts_ns"] is None else array("q", said["starts_ns"]),
        total=said["total"],
    )
