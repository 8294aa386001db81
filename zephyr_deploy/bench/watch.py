"""Watches the event loop while a load runs."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from zephyr_deploy.bench.priority import Priority

TICK_S = 0.01


@dataclass
class LoopWatch:
    """Lateness of the event loop's timers, in milliseconds, and the CPU this process took.

    Where several processes drove the load: of all of their loops, and the sum of what they took.
    """

    lags_ms: list[float] = field(default_factory=list)
    cpu_share: float = 0.0
    """Of one processor, over ``seconds``."""
    busiest_share: float = 0.0
    """What the process that took most took."""
    processes: int = 1
    priority: Priority = "normal"
    """How far they went ahead of others."""
    seconds: float = 0.0


class _Ticks:
    """Writes down by how much each of its timers was late; a task that sleeps would take two rounds of the loop."""

    def __init__(self, lags_ms: list[float]) -> None:
        self._lags_ms, self._loop = lags_ms, asyncio.get_running_loop()
        self._set()

    def end(self) -> None:
        self._timer.cancel()

    def _set(self) -> None:
        self._due_s = self._loop.time() + TICK_S
        self._timer = self._loop.call_at(self._due_s, self._ring)

    def _ring(self) -> None:
        self._lags_ms.append(max(0.0, (self._loop.time() - self._due_s) * 1e3))
        self._set()


@asynccontextmanager
async def watch_loop() -> AsyncIterator[LoopWatch]:
    """Watch the running event loop while the body runs; the result is complete when the body has ended."""
    watch = LoopWatch()
    ticks = _Ticks(watch.lags_ms)
    wall, cpu = time.perf_counter(), time.process_time()
    try:
        yield watch
    finally:
        watch.seconds = time.perf_counter() - wall
        watch.cpu_share = watch.busiest_share = (time.process_time() - cpu) / max(watch.seconds, 1e-9)
        ticks.end()
