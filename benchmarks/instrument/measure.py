"""Runs one command as a user would, and says what it cost: CPU time and memory of it and all that it starts."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SAMPLE_S = 0.5
MIB = 1 << 20


class FailedError(Exception):
    """The command ended badly, or not in time."""


@dataclass(frozen=True)
class Cost:
    """Of a command that ended well."""

    began_ns: int
    """CLOCK_REALTIME just before it was started."""
    seconds: float
    cpu_s: float
    """Of it and of all children that it waited for."""
    peak_mib: float
    """Proportional set size of the whole tree, sampled twice a second."""
    out: str


def _pss(process: psutil.Process) -> int:
    total = 0
    with contextlib.suppress(psutil.Error):
        for one in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                total += one.memory_full_info().pss
    return total


def run(command: Sequence[str], folder: Path, deadline_s: float) -> Cost:
    """Run ``command`` in ``folder``.

    Raises:
        FailedError: it did not end with 0 within ``deadline_s``.
    """
    out, err = folder / "stdout", folder / "stderr"
    with out.open("wb") as to_out, err.open("wb") as to_err:
        began_ns, began = time.time_ns(), time.perf_counter()
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=to_out,
            stderr=to_err,
            cwd=folder,
            # whoever develops may have Python compile each module anew at every start; users have it compiled once
            env={name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
            start_new_session=True,
        )
    late = threading.Event()
    timer = threading.Timer(deadline_s, lambda: (late.set(), os.killpg(process.pid, signal.SIGKILL)))
    timer.start()
    peak, done = [0], threading.Event()
    watcher = threading.Thread(target=_watch, args=(psutil.Process(process.pid), peak, done))
    watcher.start()
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    done.set()
    timer.cancel()
    watcher.join()
    if process.returncode:
        why = f"not done after {deadline_s:g} s" if late.is_set() else f"ended with {process.returncode}"
        said = (err.read_text(errors="replace") or out.read_text(errors="replace"))[-2000:]
        raise FailedError(f"{command[0]}: {why}\n{said}")
    return Cost(began_ns, seconds, used.ru_utime + used.ru_stime, peak[0] / MIB, out.read_text(errors="replace"))


def _watch(process: psutil.Process, peak: list[int], done: threading.Event) -> None:
    while not done.wait(SAMPLE_S):
        peak[0] = max(peak[0], _pss(process))
