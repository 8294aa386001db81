"""The closed loop: a fixed number of workers, each beginning its next conversation when its last one is over."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from zephyr_deploy.bench.load.board import Board
from zephyr_deploy.bench.load.converse import converse
from zephyr_deploy.bench.load.deadlines import Deadlines

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from zephyr_deploy.bench.asks import Conversation
    from zephyr_deploy.bench.load.client import LoadClient
    from zephyr_deploy.bench.sample import Sample

    Task = asyncio.Task[None]

AT_A_TIME = 4
"""Workers that begin together: what streams have already is read before the next ones begin."""
PAUSE_AFTER_ERROR_S = 0.1
"""So that a server which refuses at once is not asked a hundred thousand times."""


async def closed_loop(
    client: LoadClient,
    conversations: Iterator[Conversation],
    *,
    workers: int,
    deadline_s: float,
    board: Board | None = None,
) -> list[Sample]:
    """Hold every conversation with ``workers`` of them under way; returns when all are over, with what is."""
    board = board or Board()
    numbered, deadlines = enumerate(conversations), Deadlines(deadline_s)

    async def work() -> None:
        for number, conversation in numbered:
            well = await converse(client, conversation, number=number, board=board, deadlines=deadlines)
            if board.stopped:
                return
            if not well:
                await asyncio.sleep(PAUSE_AFTER_ERROR_S)

    tasks: list[Task] = []

    def halt() -> None:
        for task in tasks:
            task.cancel()

    board.on_stop(halt)
    try:
        await _begin(work, workers, tasks, board)
        if tasks:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        halt()  # nothing, for those that are over
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome
    await client.settle()
    return board.finished()


async def _begin(work: Callable[[], Coroutine[Any, Any, None]], many: int, tasks: list[Task], board: Board) -> None:
    """Add ``many`` workers to ``tasks``, unless the load is to end before all are there."""
    while len(tasks) < many and not board.stopped:
        tasks += [asyncio.create_task(work()) for _ in range(min(AT_A_TIME, many - len(tasks)))]
        await asyncio.sleep(0)
