"""Wakes the event loop at an absolute time.

An event loop's own timers are as coarse as ``epoll_wait``, whose timeout has a step of a millisecond. Linux has timers
that are files (timerfd): they become readable at their time, which epoll reports at once.
"""

from __future__ import annotations

import asyncio
import os
import struct
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

NS_PER_S = 1_000_000_000
SPIN_NS = 1_500_000
"""How early the loop's own timer is set: its step, and half as much again; the rest is spent looking at the clock."""
EARLY_NS = 500_000
"""How early a timer's file rings, so that whatever the loop is at then is done at the time, and the request is made:
as long as it takes to read sixteen sockets and to decode an answer."""
SHARE = 10
"""But no more than a tenth of the time there is: who rings ten thousand times a second has other things to do."""
CLOCK_MONOTONIC = 1
"""Of Linux; what ``time.perf_counter_ns`` reads there."""
ABSOLUTE = 1
"""TFD_TIMER_ABSTIME."""
_ITIMERSPEC = struct.Struct("qqqq")


class Alarm(Protocol):
    """Rings once at each time that is set."""

    early_ns: int
    """How much before the time last set it rings; 0: at that time."""

    def set(self, at_ns: int) -> None:
        """Ring at that time of ``time.perf_counter_ns``, at once if it is over, instead of at the time set before."""

    def close(self) -> None:
        """Ring no more."""


def alarm(ring: Callable[[], None]) -> Alarm:
    """The most exact one that this system has."""
    if sys.platform == "linux":
        with suppress(
            OSError, AttributeError, ImportError
        ):  # a kernel or a sandbox without them, Python without ctypes
            return TimerFile(ring)
    return LoopTimer(ring)


class TimerFile:
    """Linux's timerfd, set a little early: the loop may come late from other work.

    Raises:
        OSError: the kernel gives none.
    """

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring, self._loop = ring, asyncio.get_running_loop()
        self._file, self._settime = _timerfd()
        self._loop.add_reader(self._file, self._readable)
        self.early_ns = 0

    def set(self, at_ns: int) -> None:
        """See `Alarm.set`; 0 would put the timer off."""
        self.early_ns = min(EARLY_NS, max(0, at_ns - time.perf_counter_ns()) // SHARE)
        self._settime(self._file, max(at_ns - self.early_ns, 1))

    def close(self) -> None:
        """See `Alarm.close`."""
        self._loop.remove_reader(self._file)
        os.close(self._file)

    def _readable(self) -> None:
        with suppress(BlockingIOError):  # set anew between its ringing and our reading
            os.read(self._file, 8)
            self._ring()


class LoopTimer:
    """The event loop's own timer, set a little early; the rest of the time it looks at the clock."""

    early_ns = 0

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring, self._loop = ring, asyncio.get_running_loop()
        self._handle: asyncio.TimerHandle | None = None

    def set(self, at_ns: int) -> None:
        """See `Alarm.set`."""
        if self._handle is not None:
            self._handle.cancel()
        early = max(0, at_ns - SPIN_NS - time.perf_counter_ns())
        self._handle = self._loop.call_later(early / NS_PER_S, self._spin, at_ns)

    def close(self) -> None:
        """See `Alarm.close`."""
        if self._handle is not None:
            self._handle.cancel()

    def _spin(self, at_ns: int) -> None:
        while time.perf_counter_ns() < at_ns:
            pass
        self._ring()


def _timerfd() -> tuple[int, Callable[[int, int], None]]:
    """A new timer's file, and what sets it to a time; Python has both from 3.13 on."""
    if sys.version_info >= (3, 13):
        file = os.timerfd_create(CLOCK_MONOTONIC, flags=os.O_NONBLOCK | os.O_CLOEXEC)

        def set_ns(file: int, at_ns: int) -> None:
            os.timerfd_settime_ns(file, flags=ABSOLUTE, initial=at_ns)

        return file, set_ns
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    file = libc.timerfd_create(CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
    if file < 0:
        raise OSError(ctypes.get_errno(), "timerfd_create")

    def settime(file: int, at_ns: int) -> None:
        if libc.timerfd_settime(file, ABSOLUTE, _ITIMERSPEC.pack(0, 0, *divmod(at_ns, NS_PER_S)), None):
            raise OSError(ctypes.get_errno(), "timerfd_settime")

    return int(file), settime
