"""Waiting for what a process or a machine does by itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
LOOK_EVERY_S = 0.2


def wait_for(condition: Callable[[], T], timeout_s: float = 60.0) -> T:
    """What it gives, as soon as that is true; not before long is a failure of the test."""
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {timeout_s:g} s"
        time.sleep(LOOK_EVERY_S)
    return value
