"""What was just made is not in AWS's lists at once ("Eventual consistency in the Amazon EC2 API", EC2 user guide)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

from zephyr_deploy.errors import DeadlineError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

SETTLE_S = 60.0
"""AWS names no bound; its advice is to wait for up to minutes, and its own tools do so for one."""
PAUSES_S = (0.1, 0.2, 0.5, 1.0, 2.0)


def until(what: str, seen: Callable[[], T | None]) -> T:
    """What is seen, as soon as it is something.

    Raises:
        DeadlineError: it is nothing after `SETTLE_S`.
    """
    end = time.monotonic() + SETTLE_S
    pauses = iter(PAUSES_S)
    while (found := seen()) is None:
        if time.monotonic() > end:
            raise DeadlineError(f"waited {SETTLE_S:.0f} s for the {what}", hint="The same command again goes on.")
        time.sleep(next(pauses, PAUSES_S[-1]))
    return found
