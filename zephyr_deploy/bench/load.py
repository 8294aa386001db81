"""The closed loop: a fixed number of workers, each sending its next request when the last one is over."""

from __future__ import annotations

import asyncio
import time
from itertools import count, islice
from typing import TYPE_CHECKING, Protocol

from zephyr_deploy.bench.asks import Ask
from zephyr_deploy.bench.sample import Sample
from zephyr_deploy.errors import DeadlineError, ZephyrError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from zephyr_deploy.bench.asks import Conversation

PAUSE_AFTER_ERROR_S = 0.1
"""So that a server which refuses at once is not asked a hundred thousand times."""
DEADLINE_HINT = "Look at the server with: zephyr-deploy logs"


class LoadClient(Protocol):
    """Sends one request and writes into ``sample`` what it sees."""

    async def send(self, ask: Ask, sample: Sample) -> None:
        """Return when the answer is over; raise a `ZephyrError` if it is no complete one and that shows at once."""

    async def read(self, sample: Sample) -> None:
        """Return when ``sample`` says all there is to say of its answer, though others are still under way."""

    async def settle(self) -> None:
        """Return when every sample says all there is to say of its answer, its failure included."""


def for_count(conversations: Iterator[Conversation], many: int) -> Iterator[Conversation]:
    """The first ``many`` of them."""
    return islice(conversations, many)


def for_time(
    conversations: Iterator[Conversation], seconds: float, clock: Callable[[], float] = time.monotonic
) -> Iterator[Conversation]:
    """Those begun within ``seconds`` after the first is taken; what is under way then is still waited for."""
    end = clock() + seconds
    for conversation in conversations:
        if clock() >= end:
            return
        yield conversation


async def send_one(client: LoadClient, ask: Ask, sample: Sample, deadline_s: float) -> None:
    """Send one request and write down how it went; a failure is data here, not an exception."""
    try:
        await asyncio.wait_for(client.send(ask, sample), deadline_s)
    except asyncio.TimeoutError:  # its own class until Python 3.11
        sample.failure = DeadlineError(f"No complete answer within {deadline_s:g} s.", hint=DEADLINE_HINT)
    except ZephyrError as error:
        sample.failure = error
    sample.ended_ns = time.perf_counter_ns()


async def closed_loop(
    client: LoadClient,
    conversations: Iterator[Conversation],
    *,
    workers: int,
    deadline_s: float,
    on_done: Callable[[int], None] = lambda _done: None,
) -> list[Sample]:
    """Hold every conversation with ``workers`` of them under way; returns when all are over.

    ``on_done`` is told how many requests are over, after each.
    """
    samples: list[Sample] = []
    numbered, done = enumerate(conversations), count(1)

    async def work() -> None:
        for number, conversation in numbered:
            before: tuple[tuple[str, str], ...] = ()
            for place, turn in enumerate(conversation):
                sample = Sample(time.perf_counter_ns(), number=len(samples), conversation=number, turn=place)
                samples.append(sample)
                await send_one(client, Ask(turn, before), sample, deadline_s)
                on_done(next(done))
                if place + 1 < len(conversation):
                    await client.read(sample)
                if sample.failure is not None:
                    await asyncio.sleep(PAUSE_AFTER_ERROR_S)
                    break
                before = (*before, (turn.text, sample.text))

    await asyncio.gather(*(work() for _ in range(workers)))
    await client.settle()
    return samples
