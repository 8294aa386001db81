"""What the GPUs of this machine do, second after second, as nvidia-smi tells it."""

from __future__ import annotations

import shutil
import subprocess
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

COLUMNS = (
    "timestamp",
    "index",
    "utilization.gpu",
    "utilization.memory",
    "memory.used",
    "power.draw",
    "clocks.sm",
    "temperature.gpu",
)
EVERY_S = 1
FORM = "%Y/%m/%d %H:%M:%S"
"""Of nvidia-smi's timestamps, but for ``.mmm``; the time of day of this machine."""
FAR_S = 10.0
"""A timestamp further off than that is not believed: the time of day was set, or is told in another zone."""


def command() -> list[str]:
    """What prints a row a second for each GPU, until it is ended."""
    return ["nvidia-smi", f"--query-gpu={','.join(COLUMNS)}", "--format=csv,noheader,nounits", "-l", str(EVERY_S)]


def start(stdout: int) -> subprocess.Popen[bytes] | None:
    """Have it print to a file descriptor; None where there is no nvidia-smi."""
    if not shutil.which("nvidia-smi"):
        return None
    return subprocess.Popen(
        command(), stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.DEVNULL, start_new_session=True
    )


def end(process: subprocess.Popen[bytes]) -> None:
    """End it; it has nothing to put in order."""
    process.kill()
    process.wait()


def rows(lines: Iterable[str]) -> Iterator[tuple[int | None, str]]:
    """Each row without its timestamp, and that in nanoseconds of ``time.perf_counter_ns``; None: it cannot be read."""
    offset_s = time.time() - time.perf_counter()
    for line in lines:
        stamp, comma, row = line.strip().partition(",")
        if comma:
            at_s = _seconds(stamp)
            yield (None if at_s is None else round((at_s - offset_s) * 1e9)), row.strip()


def timed(line: str) -> tuple[int, str] | None:
    """The same of one line that has come just now; where its timestamp is wrong, it is of now. None: it is no row."""
    now_ns = time.perf_counter_ns()
    for at_ns, row in rows([line]):
        believed = at_ns is not None and abs(at_ns - now_ns) <= FAR_S * 1e9
        return (at_ns if believed and at_ns is not None else now_ns), row
    return None


def _seconds(stamp: str) -> float | None:
    """Of ``2026/11/26 13:25:31.123``, by this machine's time zone."""
    whole, _, part = stamp.strip().partition(".")
    try:
        return time.mktime(time.strptime(whole, FORM)) + float(f"0.{part or 0}")
    except (ValueError, OverflowError):
        return None
