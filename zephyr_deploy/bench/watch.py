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


async def _tick(lags_ms: list[float]) -> None:
    while True:
        due = time.perf_counter() + TICK_S
        await asyncio.sleep(TICK_S)
        lags_ms.append(max(0.0, (time.perf_counter() - due) * 1e3))


@asynccontextmanager
async def watch_loop() -> AsyncIterator[LoopWatch]:
    """Watch the running event loop while the body runs; the result is complete when the body has ended."""
    watch = LoopWatch()
    ticking = asyncio.create_task(_tick(watch.lags_ms))
    wall, cpu = time.perf_counter(), time.process_time()
    try:
        yield watch
    finally:
        watch.seconds = time.perf_counter() - wall
        watch.cpu_share = watch.busiest_share = (time.process_time() - cpu) / max(watch.seconds, 1e-9)
        ticking.cancel()
        await asyncio.gather(ticking, return_exceptions=True)
