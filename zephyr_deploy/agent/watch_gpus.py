"""What the GPUs of this machine do, second after second, as nvidia-smi tells it."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time

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
PIECE = 65536
FORM = "%Y/%m/%d %H:%M:%S"
"""Of nvidia-smi's timestamps, but for ``.mmm``; the time of day of this machine."""
FAR_S = 10.0
"""A timestamp further off than that is not believed: the time of day was set, or is told in another zone."""


def command() -> list[str]:
    """What prints a row a second for each GPU, until it is ended."""
    return ["nvidia-smi", f"--query-gpu={','.join(COLUMNS)}", "--format=csv,noheader,nounits", "-l", str(EVERY_S)]


class Rows:
    """What nvidia-smi prints, collected by a thread as it comes, until `end`; nothing where there is none."""

    def __init__(self) -> None:
        self.words = ""
        """The last that it said which is no row: why there are none."""
        self._lock = threading.Lock()
        self._new: list[tuple[int, str]] = []
        self._process: subprocess.Popen[bytes] | None = None
        if shutil.which("nvidia-smi"):
            self._start()

    def _start(self) -> None:
        # Into a terminal of its own, as into any, a program writes each line at once, and not blocks of 4 kB.
        reader, writer = os.openpty()
        try:
            self._process = subprocess.Popen(
                command(), stdin=subprocess.DEVNULL, stdout=writer, stderr=writer, start_new_session=True
            )
        finally:
            os.close(writer)
        threading.Thread(target=self._read, args=(reader,), name="nvidia-smi", daemon=True).start()

    def _read(self, reader: int) -> None:
        rest = b""
        try:
            while True:
                *lines, rest = (rest + os.read(reader, PIECE)).split(b"\n")
                for line in lines:
                    self._take(line.decode("utf-8", "replace").strip())
        except OSError:  # EIO: it has ended
            return
        finally:
            os.close(reader)

    def _take(self, line: str) -> None:
        found = timed(line)
        with self._lock:
            if found is not None:
                self._new.append(found)
            elif line:
                self.words = line

    def take(self) -> list[tuple[int, str]]:
        """Those that have come since it was asked last, each with its time, by ``time.perf_counter_ns``."""
        with self._lock:
            new, self._new = self._new, []
        return new

    def end(self) -> None:
        """End it; it has nothing to put in order."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


def timed(line: str) -> tuple[int, str] | None:
    """A row that has come just now, without its timestamp, and when it was taken; None: it is no row.

    A timestamp that cannot be right is none: then it was taken now.
    """
    stamp, _, row = line.partition(",")
    if row.count(",") != len(COLUMNS) - 2:
        return None
    now_ns, at_s = time.perf_counter_ns(), _seconds(stamp)
    if at_s is not None and abs(at_s - time.time()) <= FAR_S:
        return now_ns - round((time.time() - at_s) * 1e9), row.strip()
    return now_ns, row.strip()


def _seconds(stamp: str) -> float | None:
    """Of ``2026/11/26 13:25:31.123``, by this machine's time zone."""
    whole, _, part = stamp.strip().partition(".")
    try:
        return time.mktime(time.strptime(whole, FORM)) + float(f"0.{part or 0}")
    except (ValueError, OverflowError):
        return None
