"""What a level does, as plain data."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from zephyr_deploy.bench.asks import Conversation


@dataclass(frozen=True)
class Course:
    """Conversations, and either so many workers that hold them or the times at which they begin."""

    conversations: Iterator[Conversation]
    workers: int = 0
    """Of a closed loop."""
    starts_ns: Sequence[int] | None = None
    """Of an open loop: ascending, in nanoseconds since its beginning; None: it is a closed loop."""
    warmup: int = 0
    """How many of the first conversations are in no figure."""
    total: int | None = None
    """Conversations; None: time ends it."""
    seconds: float | None = None
    """How long it begins conversations; None: their number ends it."""


def for_count(conversations: Iterator[Conversation], many: int) -> Iterator[Conversation]:
    """The first ``many`` of them."""
    return islice(conversations, many)


def for_time(
    conversations: Iterator[Conversation], seconds: float, clock: Callable[[], float] = time.monotonic
) -> Iterator[Conversation]:
    """Those begun within ``seconds`` after the first is taken; what is under way then is still waited for."""
    end = clock() + seconds
    for conversation in conversations:
        if clock() >= end:
            return
        yield conversation
