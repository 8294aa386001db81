"""Keeps out of a measurement what would stop it for milliseconds: Python's garbage collector, and other programs."""

from __future__ import annotations

import gc
import os
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

LOWEST = 1
"""Of the priorities of Linux's real-time programs; each of them goes before all ordinary ones."""


@contextmanager
def at_rest() -> Iterator[None]:
    """While the body runs the collector rests, and where that is permitted this thread goes before other programs.

    What is there at the beginning is not collected later either: to look through it would take tens of milliseconds.
    """
    was_on = gc.isenabled()
    gc.freeze()
    gc.disable()
    try:
        with _first_in_line():
            yield
    finally:
        if was_on:
            gc.enable()


@contextmanager
def _first_in_line() -> Iterator[None]:
    """Let the kernel run this thread as soon as it has something to do; only root may, and not in every container.

    A higher niceness is not worth its name here: it gives more time, and no earlier one. The kernel leaves the others
    5 % of the time whatever happens, and what this thread starts is as ordinary as it was before.
    """
    if sys.platform != "linux" or os.sched_getscheduler(0) != os.SCHED_OTHER:
        yield
        return
    ordinary = os.sched_getparam(0)
    with suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(LOWEST))
    try:
        yield
    finally:
        with suppress(PermissionError):
            os.sched_setscheduler(0, os.SCHED_OTHER, ordinary)
