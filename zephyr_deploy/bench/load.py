"""The closed loop: a fixed number of workers, each sending its next request when the last one is over."""

from __future__ import annotations

import asyncio
import time
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from zephyr_deploy.bench.sample import Sample
from zephyr_deploy.errors import DeadlineError, ZephyrError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PAUSE_AFTER_ERROR_S = 0.1
"""So that a server which refuses at once is not asked a hundred thousand times."""
DEADLINE_HINT = "Look at the server with: zephyr-deploy logs"


class LoadClient(Protocol):
    """Sends one request and writes into ``sample`` what it sees."""

    async def send(self, prompt: str, sample: Sample) -> None:
        """Return when the answer is over; raise a `ZephyrError` if it is no complete one and that shows at once."""

    async def settle(self) -> None:
        """Return when every sample says all there is to say of its answer, its failure included."""


def for_count(prompts: Iterator[str], requests: int) -> Iterator[str]:
    """The first ``requests`` prompts."""
    return islice(prompts, requests)


def for_time(prompts: Iterator[str], seconds: float, clock: Callable[[], float] = time.monotonic) -> Iterator[str]:
    """Prompts until ``seconds`` after the first is taken; requests under way then are still waited for."""
    end = clock() + seconds
    for prompt in prompts:
        if clock() >= end:
            return
        yield prompt


async def send_one(client: LoadClient, prompt: str, deadline_s: float) -> Sample:
    """Send one request and write down how it went; a failure is data here, not an exception."""
    sample = Sample(taken_ns=time.perf_counter_ns())
    try:
        await asyncio.wait_for(client.send(prompt, sample), deadline_s)
    except asyncio.TimeoutError:  # its own class until Python 3.11
        sample.failure = DeadlineError(f"No complete answer within {deadline_s:g} s.", hint=DEADLINE_HINT)
    except ZephyrError as error:
        sample.failure = error
    sample.ended_ns = time.perf_counter_ns()
    return sample


async def closed_loop(
    client: LoadClient,
    jobs: Iterator[str],
    *,
    workers: int,
    deadline_s: float,
    on_done: Callable[[int], None] = lambda _done: None,
) -> list[Sample]:
    """Send every prompt of ``jobs`` with ``workers`` requests in flight; returns when all are over.

    ``on_done`` is told how many requests are over, after each.
    """
    samples: list[Sample] = []

    async def work() -> None:
        for prompt in jobs:
            sample = await send_one(client, prompt, deadline_s)
            samples.append(sample)
            on_done(len(samples))
            if sample.failure is not None:
                await asyncio.sleep(PAUSE_AFTER_ERROR_S)

    await asyncio.gather(*(work() for _ in range(workers)))
    await client.settle()
    return samples
