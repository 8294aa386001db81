"""Other work on the machine: loops that are busy for a share of the time, or for all of it."""

from __future__ import annotations

import multiprocessing
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PERIOD_S = 0.02


def busy(share: float) -> None:
    """Compute for ``share`` of each period, without end."""
    while True:
        began = time.perf_counter()
        while time.perf_counter() < began + share * PERIOD_S:
            pass
        if share < 1:
            time.sleep((1 - share) * PERIOD_S)


@contextmanager
def noise(share: float, cores: int = 0) -> Iterator[None]:
    """Take ``share`` of each processor and all that ``cores`` of them can do while the body runs."""
    shares = [share] * (os.cpu_count() or 1) * bool(share) + [1.0] * cores
    loops = [multiprocessing.Process(target=busy, args=(one,), daemon=True) for one in shares]
    for loop in loops:
        loop.start()
    try:
        yield
    finally:
        for loop in loops:
            loop.terminate()
            loop.join()


def ticks() -> tuple[float, float]:
    """Seconds that all processors were busy and idle, since the machine began (Linux)."""
    with open("/proc/stat", encoding="ascii") as file:  # noqa: PTH123
        user, nice, system, idle, wait, irq, soft, steal = (int(field) for field in file.readline().split()[1:9])
    hertz = os.sysconf("SC_CLK_TCK")
    return (user + nice + system + irq + soft + steal) / hertz, (idle + wait) / hertz
