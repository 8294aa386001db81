"""Holds one conversation: each turn is asked when the last one is answered."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from zephyr_deploy.bench.asks import Ask
from zephyr_deploy.errors import DeadlineError, ZephyrError

if TYPE_CHECKING:
    from zephyr_deploy.bench.asks import Conversation
    from zephyr_deploy.bench.load.board import Board
    from zephyr_deploy.bench.load.client import LoadClient
    from zephyr_deploy.bench.load.deadlines import Deadlines
    from zephyr_deploy.bench.sample import Sample

DEADLINE_HINT = "Look at the server with: zephyr-deploy logs"


async def converse(
    client: LoadClient,
    conversation: Conversation,
    *,
    number: int,
    board: Board,
    deadlines: Deadlines,
    due_ns: int | None = None,
    taken_ns: int | None = None,
) -> bool:
    """Ask every turn, up to one that fails: whether none did.

    The first one was to be sent at ``due_ns``, and could be from ``taken_ns`` on.
    """
    before: tuple[tuple[str, str], ...] = ()
    for place, turn in enumerate(conversation):
        sample = board.begin(number, place) if place else board.begin(number, place, due_ns, taken_ns)
        await send_one(client, Ask(turn, before), sample, deadlines)
        board.over(sample)
        if board.stopped:
            return False
        if place + 1 < len(conversation):
            await client.read(sample)
        if sample.failure is not None:
            return False
        before = (*before, (turn.text, sample.text))
    return True


async def send_one(client: LoadClient, ask: Ask, sample: Sample, deadlines: Deadlines) -> None:
    """Send one request; a failure is data here, not an exception."""
    # asyncio.wait_for would send from a task of its own, a round of the event loop later, until Python 3.12
    task = deadlines.begin()
    try:
        await client.send(ask, sample)
    except asyncio.CancelledError:
        if not deadlines.is_over(task):
            raise
        sample.failure = DeadlineError(f"No complete answer within {deadlines.seconds:g} s.", hint=DEADLINE_HINT)
    except ZephyrError as error:
        sample.failure = error
    finally:
        deadlines.end(task)
