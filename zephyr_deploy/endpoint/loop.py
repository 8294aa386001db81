"""Asynchronous work for callers who are not: an event loop in a thread of its own.

Works where a loop runs already (a notebook), and lets Ctrl-C and deadlines end the work at once.
"""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Coroutine, Generator

T = TypeVar("T")
CLOSE_S = 5.0
"""Longest time that work which was cut off may take to end, in seconds."""


class LoopThread:
    """An event loop in a daemon thread; a context manager."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="zephyr-deploy-loop", daemon=True)

    def __enter__(self) -> LoopThread:
        """Start the loop."""
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        """Stop the loop and close it."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CLOSE_S)
        if not self._thread.is_alive():
            self._loop.close()

    def call(self, work: Coroutine[object, object, T]) -> T:
        """Run ``work`` to its end; an interrupted call cancels it and waits until it has let go."""
        ended = threading.Event()
        future = asyncio.run_coroutine_threadsafe(_telling(work, ended), self._loop)
        try:
            return future.result()
        finally:
            # A cancelled future is done at once, the work behind it only when its own clean-up is.
            if future.cancel():
                ended.wait(CLOSE_S)

    def iterate(self, items: AsyncGenerator[T, None]) -> Generator[T, None, None]:
        """The items as they come; closing the iterator closes ``items``."""
        try:
            while True:
                try:
                    item = self.call(_next(items))
                except StopAsyncIteration:
                    return
                yield item
        finally:
            asyncio.run_coroutine_threadsafe(items.aclose(), self._loop).result(CLOSE_S)


async def _telling(work: Coroutine[object, object, T], ended: threading.Event) -> T:
    try:
        return await work
    finally:
        ended.set()


async def _next(items: AsyncGenerator[T, None]) -> T:
    return await items.__anext__()
