"""The time by which loads run, and what wakes them at a point of it. Tests run by a clock that nobody waits for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from zephyr_deploy.bench.load.alarm import NS_PER_S, alarm

if TYPE_CHECKING:
    from collections.abc import Callable

    from zephyr_deploy.bench.load.alarm import Alarm


class Clock(Protocol):
    """A clock that never goes back."""

    def now_ns(self) -> int:
        """Nanoseconds since some fixed point."""

    def alarm(self, ring: Callable[[], None]) -> Alarm:
        """Something that calls ``ring`` in the running event loop at a time that can be set."""


class System:
    """The machine's clock, as all of a benchmark's times are taken by it."""

    def now_ns(self) -> int:
        """As ``time.perf_counter_ns``."""
        return time.perf_counter_ns()

    def alarm(self, ring: Callable[[], None]) -> Alarm:
        """By the kernel, where it does that to the microsecond."""
        return alarm(ring)


LOOK_NS = 100_000
"""How long before the time sleeping ends, by two of the kernel's timer slacks, and looking at the clock begins."""


def hold(until_ns: int | None) -> None:
    """Stop everything until that time of ``time.perf_counter_ns``, if it is not over; None: do not."""
    if until_ns is None or (left_ns := until_ns - time.perf_counter_ns()) <= 0:
        return
    if left_ns > LOOK_NS:
        time.sleep((left_ns - LOOK_NS) / NS_PER_S)
    while time.perf_counter_ns() < until_ns:
        pass


SYSTEM = System()
