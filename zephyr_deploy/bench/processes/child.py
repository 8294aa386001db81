"""A process that drives its share of a load: what it does from the fork to its end."""

from __future__ import annotations

import asyncio
import os
import threading
import time
import traceback
from typing import IO, TYPE_CHECKING, NoReturn

from zephyr_deploy.bench.load.board import Board
from zephyr_deploy.bench.processes.fork import leave_home
from zephyr_deploy.bench.processes.results import packed, packed_error
from zephyr_deploy.bench.wire.loop import give_way
from zephyr_deploy.bench.wire.loop import run as on_stream_loop
from zephyr_deploy.errors import ZephyrError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from zephyr_deploy.bench.driven import Driven
    from zephyr_deploy.bench.processes.share import Share
    from zephyr_deploy.bench.processes.slate import Slate

    Work = Callable[["Place"], Awaitable[Driven]]
    """Drives its share of a load."""

TELL_S = 0.2
LOOK_S = 0.002
FAILED = 1
STOPPED = "an interrupt"
"""The process that began this one knows better why."""


class Place:
    """What a process knows of the others; ``board`` is its own, of which the others are told."""

    def __init__(self, slate: Slate, share: Share) -> None:
        self.share, self.board = share, Board()
        self._slate = slate

    async def begin(self) -> None:
        """Return when all processes are ready, and in all of them at the same time."""
        self._slate.ready(self.share.index)
        while not self._slate.begin_ns and not self.board.stopped:  # noqa: ASYNC110 - it is written by another process
            await asyncio.sleep(LOOK_S)
        self.board.zero_ns = self._slate.begin_ns or None
        await asyncio.sleep((self._slate.begin_ns - time.perf_counter_ns()) / 1e9)

    def tell(self) -> None:
        """Tell how far it is, and hear whether it is to end."""
        board = self.board
        self._slate.beat(self.share.index)
        self._slate.count(
            self.share.index,
            begun=len(board.samples),
            done=board.done,
            failed=board.failed,
            held_back=board.held_back,
        )
        if self._slate.stopped and not board.stopped:
            board.stop(STOPPED)


def live(share: Share, slate: Slate, work: Work, file: IO[bytes], tie: tuple[int, int]) -> NoReturn:
    """Drive ``share``, write what was found into ``file``, and end; comes right after the fork.

    ``tie`` is a pipe of which only the process that began this one keeps the second end open.
    """
    code = FAILED
    try:
        leave_home({file.fileno(), tie[0]})
        threading.Thread(target=_end_with, args=(tie[0],), name="zephyr-load-tie", daemon=True).start()
        asyncio.events._set_running_loop(None)  # noqa: SLF001 - that of the process that this was forked from
        file.write(packed(on_stream_loop(_work(Place(slate, share), work))))
        file.flush()
        code = 0
    except BaseException as error:  # noqa: BLE001 - whatever it is, the other process has to tell
        known = isinstance(error, ZephyrError)
        file.seek(0)
        file.truncate()
        file.write(packed_error(error, "" if known else traceback.format_exc()))
        file.flush()
    finally:
        os._exit(code)


async def _work(place: Place, work: Work) -> Driven:
    give_way(asyncio.get_running_loop())
    telling = asyncio.create_task(_tell(place))
    try:
        driven = await work(place)
    finally:
        telling.cancel()
    place.tell()
    place.share.renumber(driven.samples)
    return driven


async def _tell(place: Place) -> None:
    while True:
        place.tell()
        await asyncio.sleep(TELL_S)


def _end_with(tie: int) -> None:
    """End when the process that began this one has ended, however it did."""
    os.read(tie, 1)
    os._exit(FAILED)
