"""Requests side by side: each in the first lane that is free when it begins, so that thousands need little room."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zephyr_deploy.bench.report import RequestRecord


def began_ms(one: RequestRecord) -> float:
    """When it was due, else when it was sent; of one that was never sent, when it was over."""
    return min(at for at in (one.due_ms, one.sent_ms, one.ended_ms) if at is not None)


def lanes_of(log: Sequence[RequestRecord]) -> list[int]:
    """The lane of each request, in the log's order."""
    lanes = [0] * len(log)
    busy: list[tuple[float, int]] = []
    free: list[int] = []
    used = 0
    for place in sorted(range(len(log)), key=lambda place: began_ms(log[place])):
        began = began_ms(log[place])
        while busy and busy[0][0] <= began:
            heappush(free, heappop(busy)[1])
        if free:
            lane = heappop(free)
        else:
            lane, used = used, used + 1
        lanes[place] = lane
        heappush(busy, (log[place].ended_ms, lane))
    return lanes
