"""Reads a service's log: its end, what it is about, and what comes."""

from __future__ import annotations

import os
import re
import time
from itertools import takewhile
from typing import TYPE_CHECKING

from zephyr_deploy.engines.base import Diagnosis, diagnose
from zephyr_deploy.engines.llamacpp.spec import SPEC

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

TAIL_BYTES = 1 << 18
POLL_S = 0.2
OWN_LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ ")
"""How a line of the service itself begins; those of libraries, and tracebacks, do not."""


def tail(path: Path, lines: int, end: int | None = None) -> list[str]:
    """The last ``lines`` lines within the last 256 KiB, or those before byte ``end``; empty if there is no log."""
    try:
        with path.open("rb") as file:
            end = os.fstat(file.fileno()).st_size if end is None else end
            start = file.seek(max(0, end - TAIL_BYTES))
            text = file.read(end - start).decode(errors="replace")
    except FileNotFoundError:
        return []
    return text.splitlines()[-lines:] if lines else []


def cause_of(path: Path) -> Diagnosis:
    """Why the service that wrote this log has ended."""
    log = tail(path, 1000)
    found = diagnose(SPEC.causes, log)
    if found:
        return found
    if crash := _crash(log):
        return Diagnosis(f"the service met a fault: {crash}", "Read `zephyr-deploy logs` and report it.", crash)
    failed = next((line.partition(" failed: ")[2] for line in reversed(log) if " failed: " in line), None)
    if failed:
        return Diagnosis(failed, "Read `zephyr-deploy logs`, then `zephyr-deploy up`.", failed)
    return Diagnosis(
        "the service ended without a word: it was killed, or the machine was restarted",
        "`zephyr-deploy up` starts it again.",
        log[-1] if log else "",
    )


def _crash(log: Sequence[str]) -> str | None:
    """The last line of a traceback that nothing of the service's own came after."""
    last = list(takewhile(lambda line: not OWN_LINE.match(line), reversed(log)))
    return last[0] if "Traceback (most recent call last):" in last else None


def follow(path: Path, start: int, running: Callable[[], bool]) -> Iterator[str]:
    """Every line after the first ``start`` bytes, until ``running`` is false and the log is read to its end."""
    with path.open("rb") as file:
        file.seek(start)
        rest = b""
        while True:
            last_round = not running()
            rest += file.read()
            *whole, rest = rest.split(b"\n")
            yield from (line.decode(errors="replace") for line in whole)
            if last_round:
                break
            time.sleep(POLL_S)
    if rest:
        yield rest.decode(errors="replace")
