"""The time by which loads run, and what wakes them at a point of it. Tests run by a clock that nobody waits for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from zephyr_deploy.bench.load.alarm import alarm

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


SYSTEM = System()
