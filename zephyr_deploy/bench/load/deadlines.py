"""Breaks off requests that take too long."""

from __future__ import annotations

import asyncio
from typing import Any, cast


class Deadlines:
    """Of requests that have the same time each, so that those that began first are due first, and one timer will do.

    A timer for each would be a third of what a request costs beside its sending. The last one rings for nobody.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._due_s: dict[asyncio.Task[Any], float] = {}
        """Of each task with a request under way, by the loop's time, in the order in which they began."""
        self._over: set[asyncio.Task[Any]] = set()
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> asyncio.Task[Any]:
        """The running task, which is cancelled when the time is over, unless `end` is called before."""
        task = cast("asyncio.Task[Any]", asyncio.current_task())
        self._due_s[task] = due_s = self._loop.time() + self.seconds
        if self._timer is None:
            self._timer = self._loop.call_at(due_s, self._ring)
        return task

    def is_over(self, task: asyncio.Task[Any]) -> bool:
        """Whether the time is, so that ``task`` was cancelled for that."""
        return task in self._over

    def end(self, task: asyncio.Task[Any]) -> None:
        """The request of ``task`` is over, well or badly."""
        del self._due_s[task]
        if task in self._over:
            self._over.discard(task)
            if hasattr(task, "uncancel"):  # from Python 3.11 on
                task.uncancel()

    def _ring(self) -> None:
        now_s = self._loop.time()
        self._timer = None
        for task, due_s in self._due_s.items():
            if due_s > now_s:
                self._timer = self._loop.call_at(due_s, self._ring)
                return
            if task not in self._over:
                self._over.add(task)
                task.cancel()
