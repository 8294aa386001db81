"""Decodes answers while no socket has anything to read: done when they end, it would keep the other streams waiting.

A stream that is not read in time loses stamps: what waits in its socket becomes one piece with the last one's stamp.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from zephyr_deploy.errors import ZephyrError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zephyr_deploy.bench.sample import Sample
    from zephyr_deploy.bench.wire.connection import Pulse

MOST_WAITING = 2000
"""Answers that may wait for a quiet moment; more would cost more memory than the wait is worth."""


class Later:
    """A queue of answers to decode, each by an iterator that does a little at every step."""

    def __init__(self, pulse: Pulse) -> None:
        self._pulse = pulse
        self._waiting: deque[tuple[Iterator[None], Sample]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._fault: Exception | None = None

    def add(self, steps: Iterator[None], sample: Sample) -> None:
        """Decode this in a quiet moment; how it fails is written into ``sample``, unless that has failed already."""
        self._waiting.append((steps, sample))
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._work())

    def now(self, sample: Sample) -> None:
        """Decode this answer at once, before those that wait longer."""
        for place, (_, other) in enumerate(self._waiting):
            if other is sample:
                self._waiting.rotate(-place)
                while self._waiting and self._waiting[0][1] is sample:
                    self._step()
                self._waiting.rotate(place)
                return

    async def settle(self) -> None:
        """Return when everything is decoded; there is nothing left to be quiet for.

        Raises:
            Exception: decoding met a fault of ours.
        """
        while self._waiting:
            self._step()
            await asyncio.sleep(0)
        if self._fault is not None:
            raise self._fault

    async def _work(self) -> None:
        while self._waiting:
            seen = self._pulse.reads
            await asyncio.sleep(0)  # one round of the loop, in which whatever can be read is
            if self._waiting and (self._pulse.reads == seen or len(self._waiting) > MOST_WAITING):
                self._step()

    def _step(self) -> None:
        steps, sample = self._waiting[0]
        try:
            next(steps)
        except StopIteration:
            self._waiting.popleft()
        except ZephyrError as error:
            sample.failure = sample.failure or error
            self._waiting.popleft()
        except Exception as fault:  # noqa: BLE001 - `settle` raises it: half an answer must not count as a whole one
            self._fault = self._fault or fault
            self._waiting.popleft()
