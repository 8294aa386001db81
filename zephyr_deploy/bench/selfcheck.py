"""How much the benchmark itself stands in the way of what it measures."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from zephyr_deploy.bench.report import ClientCheck, Verdict
from zephyr_deploy.bench.stats import percentile

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from zephyr_deploy.bench.stats import Spread

TICK_S = 0.005
TIMER_STEP_MS = 1.0
"""epoll's timeout has a step of 1 ms, so a timer of an idle, healthy loop may be as late as that."""
SHARE = 0.1
"""A loop later than a tenth of what it measures spoils the measurement."""
BUSY = 0.9
"""An event loop that takes this share of a core has no room left."""


@dataclass
class LoopWatch:
    """Lateness of the event loop's timers, in milliseconds, and the CPU this process took."""

    lags_ms: list[float] = field(default_factory=list)
    cpu_share: float = 0.0


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
        watch.cpu_share = (time.process_time() - cpu) / max(time.perf_counter() - wall, 1e-9)
        ticking.cancel()
        await asyncio.gather(ticking, return_exceptions=True)


def check(watch: LoopWatch, ttft: Spread | None, itl: Spread | None) -> ClientCheck:
    """Judge a level by its own lag.

    Events are stamped when the loop comes round to them, so the lag is the error of each stamp. The figures are

    - ``client_bottleneck`` if the process used 90 % of a core, or the median lag is above a tenth of the smaller
      of median TTFT and median ITL: the server may be faster than what is reported;
    - ``noisy`` if only the lag's p99 is: medians hold, p99 figures may be too high;
    - ``ok`` otherwise.
    """
    ordered = sorted(watch.lags_ms) or [0.0]
    p50, p99 = percentile(ordered, 50), percentile(ordered, 99)
    measured = [spread.p50 for spread in (ttft, itl) if spread is not None]
    verdict, reason = _verdict(p50, p99, watch.cpu_share, SHARE * min(measured) if measured else None)
    return ClientCheck(lag_p50_ms=p50, lag_p99_ms=p99, cpu_share=watch.cpu_share, verdict=verdict, reason=reason)


def _verdict(p50: float, p99: float, cpu_share: float, allowed_ms: float | None) -> tuple[Verdict, str]:
    if cpu_share >= BUSY:
        return "client_bottleneck", f"The client used {cpu_share:.0%} of a core; the server may be faster than this."
    if allowed_ms is None:
        return "ok", ""
    if p50 - TIMER_STEP_MS > allowed_ms:
        return "client_bottleneck", f"The client was {p50:.1f} ms late half of the time; the server may be faster."
    if p99 - TIMER_STEP_MS > allowed_ms:
        return "noisy", f"The client was up to {p99:.1f} ms late (p99); p99 figures may be too high by that."
    return "ok", ""
