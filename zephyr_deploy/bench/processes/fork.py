"""Forks this process: the new one is there at once, with all that is loaded, and lets go of what is not its own."""

from __future__ import annotations

import gc
import os
import signal
import warnings

STANDARD = 2
"""The last of the standard streams."""


def fork() -> int:
    """As `os.fork`, with no warning of locks that other threads hold: the child touches nothing that they use."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def leave_home(kept: set[int]) -> None:
    """Let go of what was inherited: a socket that is open here as well is not closed when the other process closes it.

    The numbers stay taken, for objects that are never used again may still think that they own them. Ctrl-C comes to
    every process of a terminal; it is the first one's to tell the others.

    Args:
        kept: The files that this process has a use for; stderr is kept as well.
    """
    gc.freeze()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.set_wakeup_fd(-1)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for name in os.listdir("/dev/fd"):  # noqa: PTH208
        number = int(name)
        if number not in kept and number not in {nowhere, STANDARD}:
            try:
                os.fstat(number)
            except OSError:
                continue  # that of the listing
            os.dup2(nowhere, number, inheritable=False)
