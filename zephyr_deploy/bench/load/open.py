"""The open loop: conversations begin by a timetable, whatever the server does."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

from zephyr_deploy.bench.load.board import Board
from zephyr_deploy.bench.load.converse import converse
from zephyr_deploy.bench.load.deadlines import Deadlines
from zephyr_deploy.bench.load.eager import begin

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from zephyr_deploy.bench.asks import Conversation
    from zephyr_deploy.bench.load.client import LoadClient
    from zephyr_deploy.bench.sample import Sample

LEAD_NS = 20_000_000
"""From the call to the timetable's zero."""
AHEAD = 64
"""Conversations that are made before they are due: making one takes longer than sending it."""
SPARE = 8
"""Unused connections at least, so that nothing that is due has to wait for a new one."""
GROWTH = 4
"""And one for each so many requests under way, for more may come at once."""
LOOK_S = 0.05
"""How often that is looked after."""


async def open_loop(
    client: LoadClient,
    conversations: Iterator[Conversation],
    starts_ns: Sequence[int],
    *,
    deadline_s: float,
    most: int,
    board: Board | None = None,
) -> list[Sample]:
    """Begin a conversation at each of ``starts_ns``, in nanoseconds from now; returns when all are over, with what is.

    A server that does not answer changes nothing in that, unless ``most`` conversations are under way: then what is
    due waits until one is over, and is counted as held back.
    """
    departures = _Departures(client, conversations, starts_ns, board=board or Board(), deadline_s=deadline_s, most=most)
    await departures.run()
    await client.settle()
    return departures.board.finished()


class _Departures:
    """The timetable at work."""

    def __init__(
        self,
        client: LoadClient,
        conversations: Iterator[Conversation],
        starts_ns: Sequence[int],
        *,
        board: Board,
        deadline_s: float,
        most: int,
    ) -> None:
        self._client, self._conversations, self._starts_ns = client, conversations, starts_ns
        self.board, self._deadlines, self._most = board, Deadlines(deadline_s), most
        self._loop = asyncio.get_running_loop()
        self._over: asyncio.Future[None] = self._loop.create_future()
        self._ahead: deque[Conversation] = deque()
        self._tasks: set[asyncio.Task[bool]] = set()
        self._next = 0
        self._full = False

    async def run(self) -> None:
        """Return when everything that was begun is over, or was broken off because the level is to end early.

        Raises:
            Exception: a conversation met a fault of ours.
        """
        self._look_ahead()
        readying = self._loop.create_task(self._keep_ready())
        self._alarm = self.board.clock.alarm(self._depart)
        self._zero_ns = self.board.zero_ns or self.board.clock.now_ns() + LEAD_NS
        self.board.on_stop(self._halt)
        self._loop.call_soon(self._depart)  # not from this task: what it begins runs at once, and inside no other
        try:
            await self._over
        finally:
            self._alarm.close()
            readying.cancel()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(readying, *self._tasks, return_exceptions=True)

    def _depart(self) -> None:
        """Begin what is due; what fails in that (a conversation cannot be made) ends the level, not only this call."""
        try:
            self._begin_due()
        except Exception as error:  # noqa: BLE001 - `run` raises it
            if not self._over.done():
                self._over.set_exception(error)

    def _begin_due(self) -> None:
        """Begin whatever is due, before anything else; then see to what comes next."""
        now = self.board.clock.now_ns()
        while self._next < len(self._starts_ns) and self._ahead and not self.board.stopped:
            due = self._zero_ns + self._starts_ns[self._next]
            if due > now + self._alarm.early_ns:
                self._alarm.set(due)
                break
            if len(self._tasks) >= self._most:
                self._full = True  # goes on when one is over
                return
            self.board.held_back += self._full
            # one that was held back could not be sent before now, which is no lateness of ours
            self._begin(self._next, self._ahead.popleft(), due, now if self._full else due)
            self._next += 1
            if not self._ahead:
                self._look_ahead()
        self._full = False
        self._look_ahead()
        self._end_if_over()

    def _begin(self, number: int, conversation: Conversation, due_ns: int, taken_ns: int) -> None:
        talk = converse(
            self._client,
            conversation,
            number=number,
            board=self.board,
            deadlines=self._deadlines,
            due_ns=due_ns,
            taken_ns=taken_ns,
        )
        task = begin(talk)
        self._tasks.add(task)
        task.add_done_callback(self._one_over)

    def _one_over(self, task: asyncio.Task[bool]) -> None:
        self._tasks.discard(task)
        fault = None if task.cancelled() else task.exception()
        if fault is not None and not self._over.done():
            self._over.set_exception(fault)
        elif self._full:
            self._depart()
        else:
            self._end_if_over()

    def _end_if_over(self) -> None:
        begun = self.board.stopped or self._next == len(self._starts_ns) or not self._ahead
        if begun and not self._tasks and not self._over.done():
            self._over.set_result(None)

    def _halt(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._end_if_over()

    def _look_ahead(self) -> None:
        self._ahead.extend(islice(self._conversations, max(0, AHEAD - len(self._ahead))))

    async def _keep_ready(self) -> None:
        """Have connections open for what comes; a server that takes none shows that by the requests."""
        while True:
            with suppress(OSError):
                await self._client.ready(max(SPARE, self.board.under_way // GROWTH))
            await asyncio.sleep(LOOK_S)
