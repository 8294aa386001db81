"""Tasks that begin at once, and not in the event loop's next round, before which it reads what the streams have."""

from __future__ import annotations

import asyncio
import sys
from types import coroutine
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine, Generator

Result = TypeVar("Result")


def begin(work: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
    """Run ``work`` up to where it first waits, and the rest of it as a task; to be called where no task runs."""
    loop = asyncio.get_running_loop()
    if sys.version_info >= (3, 12):
        return asyncio.Task(work, loop=loop, eager_start=True)
    begun = _Begun(work)
    task = loop.create_task(begun.rest())
    asyncio.tasks._enter_task(loop, task)  # noqa: SLF001 - documented for those who extend asyncio
    try:
        begun.step()
    finally:
        asyncio.tasks._leave_task(loop, task)  # noqa: SLF001
    return task


class _Begun:
    """A coroutine that has taken its first step outside of its task."""

    def __init__(self, work: Coroutine[Any, Any, Any]) -> None:
        self._work = work
        self._waits_for: Any = None
        self._end: BaseException | None = None

    def step(self) -> None:
        """Take it; how it ends, if it does, is the task's."""
        try:
            self._waits_for = self._work.send(None)
        except BaseException as error:  # noqa: BLE001
            self._end = error

    async def rest(self) -> Any:
        """What comes after it."""
        if isinstance(self._end, StopIteration):
            return self._end.value
        if self._end is not None:
            raise self._end
        return await self._go_on()

    @coroutine
    def _go_on(self) -> Generator[Any, Any, Any]:
        """Hand the task what the first step waits for, and the coroutine what came of that."""
        waits_for = self._waits_for
        while True:
            try:
                yield waits_for
            except BaseException as error:  # noqa: BLE001 - also a cancellation
                try:
                    waits_for = self._work.throw(error)
                except StopIteration as end:
                    return end.value
            else:
                return (yield from self._work)
