"""What the benchmarks share: commands that are timed, and how their figures are shown."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TIMEOUT_S = 900.0


@dataclass(frozen=True)
class Ran:
    """A command that ended well."""

    seconds: float
    cpu_s: float
    """CPU seconds of it and of what it started and waited for, on this machine."""
    out: str
    err: str


def tool() -> str:
    """The command beside this interpreter, else the one on PATH."""
    beside = Path(sys.executable).with_name("zephyr-deploy")
    return str(beside) if beside.exists() else "zephyr-deploy"


def run(command: Sequence[str], env: Mapping[str, str] | None = None) -> Ran:
    """Run a command, with ``env`` over this environment; end the benchmark where it fails.

    Bytecode may be written, whatever the caller's environment says: an installed program has its own.
    """
    whole = {**os.environ, **(env or {})}
    whole.pop("PYTHONDONTWRITEBYTECODE", None)
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(list(command), env=whole, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Ran(seconds, cpu_s, done.stdout, done.stderr)


def load() -> str:
    """How busy the machine is: its load over the last minute, beside its processors."""
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"


def table(rows: Sequence[Sequence[str]]) -> None:
    """Print rows in columns: the first to the left, the others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for first, *rest in rows:
        cells = [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
        print("  ".join(["", first.ljust(widths[0]), *cells]).rstrip())
