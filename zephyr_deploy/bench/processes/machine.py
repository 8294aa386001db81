"""What the machine that drives a load has to give."""

from __future__ import annotations

import os
from contextlib import suppress

from zephyr_deploy.errors import UsageError

OTHER_FILES = 128
"""Beside the connections."""


def cores() -> int:
    """Processors that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS
        return os.cpu_count() or 1


def taken() -> float:
    """Share of all processors that was taken in the last minute, from 0 to 1; 0 where nobody says."""
    try:
        return min(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
    except OSError:
        return 0.0


def make_room(connections: int) -> None:
    """Let this process, and those that it begins, have so many connections open.

    Raises:
        UsageError: the system does not allow that many.
    """
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + OTHER_FILES
    if hard != resource.RLIM_INFINITY and hard < wanted:
        message = f"{connections} connections at once need {wanted} open files, and this system allows {hard}."
        raise UsageError(message, hint=f"Put less on the server at once, or allow more: ulimit -Hn {wanted} (as root)")
    for most in (hard, max(soft, wanted)):  # macOS calls its limit infinite and then does not allow that
        if soft == most:
            return
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
            return
