"""Has the event loop run as soon as there is something to read, whatever else the machine is at.

Linux lets a process go before all ordinary ones (``SCHED_RR``), and less privileged ones at least take a larger share
(nice). Neither is for everybody: root may, and whom ``ulimit -r`` or ``ulimit -e`` allows it.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Priority = Literal["normal", "nice", "realtime"]

NICE = -10
LOWEST = 1
"""Of the priorities that go before all ordinary processes: ahead of them, and of nothing else."""
LONGEST_US = 10_000_000
"""Microseconds without a wait after which it takes its place among the others again: nobody else runs on that
processor meanwhile. A loop that comes round waits thousands of times a second."""


@contextmanager
def ahead(*, wanted: bool = True) -> Iterator[Priority]:
    """Let this thread go ahead of others while the body runs, as far as the system allows it; says how far."""
    if not wanted or threading.current_thread() is not threading.main_thread():
        yield "normal"
        return
    found, leave = _entered()
    try:
        yield found
    finally:
        leave()


def _entered() -> tuple[Priority, Callable[[], None]]:
    """As far as it goes, and the way back."""
    with suppress(OSError, AttributeError, ValueError):  # not allowed, or not in this system
        return "realtime", _realtime()
    with suppress(OSError, AttributeError):
        return "nice", _nicer()
    return "normal", lambda: None


def _realtime() -> Callable[[], None]:
    """Raises `OSError` or `AttributeError`: it cannot be had."""
    if sys.platform != "linux":
        raise OSError("only Linux has it")
    import resource

    policy, parameter = os.sched_getscheduler(0), os.sched_getparam(0)
    before = resource.getrlimit(resource.RLIMIT_RTTIME)
    handler = signal.getsignal(signal.SIGXCPU)

    def be_ordinary() -> None:
        try:
            os.sched_setscheduler(0, policy, parameter)
        except PermissionError:  # only root may take back what is to be reset on fork; it harms nobody
            os.sched_setscheduler(0, policy | os.SCHED_RESET_ON_FORK, parameter)

    def leave() -> None:
        be_ordinary()
        resource.setrlimit(resource.RLIMIT_RTTIME, before)
        signal.signal(signal.SIGXCPU, handler)

    resource.setrlimit(resource.RLIMIT_RTTIME, (LONGEST_US, before[1]))
    signal.signal(signal.SIGXCPU, lambda *_: be_ordinary())
    try:
        # Reset on fork: what this process begins is ordinary.
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(LOWEST))
    except OSError:
        leave()
        raise
    return leave


def _nicer() -> Callable[[], None]:
    """Raises `OSError`: it may not."""
    before = os.getpriority(os.PRIO_PROCESS, 0)
    os.setpriority(os.PRIO_PROCESS, 0, min(before, NICE))
    return lambda: os.setpriority(os.PRIO_PROCESS, 0, before)
