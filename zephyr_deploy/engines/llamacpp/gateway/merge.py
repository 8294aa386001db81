"""Several streams as one."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

Item = TypeVar("Item")


async def merged(streams: Sequence[AsyncGenerator[Item, None]]) -> AsyncGenerator[tuple[int, Item], None]:
    """Yield the items of all streams as they come, each with the number of its stream.

    The first error ends all of them and is raised; closing the result closes them. Nothing is held back: the streams
    are as long as their answers.
    """
    queue: asyncio.Queue[tuple[int, Item] | None] = asyncio.Queue()

    async def feed(number: int, stream: AsyncGenerator[Item, None]) -> None:
        try:
            async with aclosing(stream) as items:
                async for item in items:
                    queue.put_nowait((number, item))
        finally:
            queue.put_nowait(None)

    tasks = [asyncio.ensure_future(feed(number, stream)) for number, stream in enumerate(streams)]
    try:
        for _ in tasks:
            while (entry := await queue.get()) is not None:
                yield entry
            for task in tasks:
                if task.done():
                    task.result()
    finally:
        for task in tasks:
            task.cancel()
