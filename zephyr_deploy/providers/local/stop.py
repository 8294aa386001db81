"""Stops a service and makes sure that nothing of it is left."""

from __future__ import annotations

import contextlib
import signal
import time
from typing import TYPE_CHECKING

import psutil

from zephyr_deploy.errors import LeftoversError
from zephyr_deploy.providers.local.processes import alive, members, reap

if TYPE_CHECKING:
    from collections.abc import Callable

POLL_S = 0.05
KILL_S = 10.0
"""How long the kernel may take to end a killed process, in seconds: it may sit in a read from a slow disk."""


def stop_service(pid: int, name: str, grace_s: float, progress: Callable[[float], None]) -> None:
    """Ask, wait ``grace_s`` seconds, kill, and look again.

    Raises:
        LeftoversError: something still runs.
    """
    processes = members(pid, name)
    for process in processes:
        if process.pid == pid:
            _signal(process, signal.SIGTERM)
    started = time.monotonic()
    while (elapsed := time.monotonic() - started) < grace_s and any(map(alive, processes)):
        progress(elapsed)
        time.sleep(POLL_S)
    # Looked up again: the engine may have been started after the first look.
    for process in members(pid, name):
        _signal(process, signal.SIGKILL)
    deadline = time.monotonic() + KILL_S
    while left := members(pid, name):
        if time.monotonic() > deadline:
            pids = ", ".join(str(process.pid) for process in left)
            raise LeftoversError(f"processes of {name} do not end: {pids}", hint="Run `zephyr-deploy down` again.")
        time.sleep(POLL_S)
    reap(pid)


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    """Signal that very process: psutil compares the start time, so a reused pid is never hit."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(number)
