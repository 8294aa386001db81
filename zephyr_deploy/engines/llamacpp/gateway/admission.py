"""Who may come in, and who waits: TGI's limit of concurrent requests in front of the engine's slots."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

from zephyr_deploy.engines.llamacpp.gateway.errors import overloaded

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator


class Admission:
    """Counts generations under way, waiting ones included, and refuses more than ``limit`` at once.

    ``on_change`` is told the new number whenever it changes.
    """

    def __init__(self, limit: int, on_change: Callable[[int], None] = lambda _running: None) -> None:
        self._limit = limit
        self._on_change = on_change
        self._running = 0

    @contextmanager
    def admit(self) -> Iterator[None]:
        """Hold one place.

        Raises:
            ApiError: All are taken (429).
        """
        if self._running >= self._limit:
            raise overloaded()
        self._add(1)
        try:
            yield
        finally:
            self._add(-1)

    def _add(self, change: int) -> None:
        self._running += change
        self._on_change(self._running)


class Slots:
    """The engine's slots, given out first come, first served, so that the wait for one can be measured.

    The wait has no deadline of its own, as in TGI: it is bounded by `Admission` and ends when the client goes.
    """

    def __init__(self, parallel: int) -> None:
        self._free = asyncio.Semaphore(parallel)
        self.waiting = 0
        self.busy = 0

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Wait for a slot and hold it."""
        self.waiting += 1
        try:
            await self._free.acquire()
        finally:
            self.waiting -= 1
        self.busy += 1
        try:
            yield
        finally:
            self.busy -= 1
            self._free.release()
