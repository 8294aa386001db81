"""A sweep to saturation: which load comes next, and when the server has shown all it can. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from zephyr_deploy.bench.loads import Closed, Open
from zephyr_deploy.bench.report import Saturation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zephyr_deploy.bench.loads import Load, Sweep
    from zephyr_deploy.bench.report import LevelReport

LITTLE = 0.05
"""Twice the load that brings less than 5 % more tokens a second, and longer answers, only queues."""
MUCH_FAILED = 0.05
"""Share of failed requests from which on a load is too much."""
LEAST_GOOD = 0.9
"""Share of requests that have to meet the SLO, where there is one."""
KEEPS_UP = 0.95
"""Share of what comes in that a server has to finish meanwhile; less, and its queue grows as long as the load lasts."""
NEAR = 1.15
"""A rate that is too much and one that is not, so near to each other that the limit is between them."""
LEAST = 1 / 64
"""Part of the first rate below which nothing is tried."""


def next_load(sweep: Sweep, levels: Sequence[LevelReport]) -> Load | Saturation:
    """What to measure after ``levels``, or what has been found.

    The requests at once, or the rate, are doubled as long as that brings more. A rate that is too much is then
    approached from both sides.
    """
    if not levels:
        return _load(sweep, sweep.start)
    last, limit = levels[-1], sweep.most
    if last.client.verdict == "client_bottleneck":
        return _found(levels, f"With {last.load} the client was the bottleneck.", found=False)
    why = too_much(levels)
    if sweep.of == "concurrency":
        if why:
            return _found(levels, why, found=True)
        size = _size(last) * 2
        return _load(sweep, size) if size <= limit else _found(levels, _at_limit(sweep), found=False)
    return _next_rate(sweep, levels)


def too_much(levels: Sequence[LevelReport]) -> str:
    """Why the last of ``levels`` was more than the server can do; empty: it was not.

    It is held against the highest load below it.
    """
    last = levels[-1]
    failed = 1 - last.succeeded / max(last.requests, 1)
    if failed > MUCH_FAILED:
        return f"With {last.load} {failed:.0%} of the requests failed."
    if last.goodput is not None and last.goodput.share < LEAST_GOOD:
        return f"With {last.load} only {last.goodput.share:.0%} of the requests met {last.goodput.slo}."
    below = max((level for level in levels[:-1] if _size(level) < _size(last)), key=_size, default=None)
    slower = below is None or _latency(last) > _latency(below) * (1 + LITTLE)
    if isinstance(last.load, Open):
        kept = kept_up(last)
        if kept < KEEPS_UP and slower:
            return f"With {last.load} the server finished {kept:.0%} of what came in meanwhile."
    if below is None or _size(last) < 2 * _size(below) or not slower:
        return ""
    more = last.output_tokens_per_s / below.output_tokens_per_s - 1 if below.output_tokens_per_s else 1.0
    if more >= LITTLE:
        return ""
    longer = _latency(last) / _latency(below) - 1
    return f"From {below.load} to {last.load} throughput grew by {more:.0%} and latency by {longer:.0%}."


def kept_up(level: LevelReport) -> float:
    """Requests that ended in the second half of a timetable for each one that was due in it; 1 for very few."""
    dues = [request.due_ms for request in level.log if request.due_ms is not None]
    if not dues:
        return 1.0
    half, end = (min(dues) + max(dues)) / 2, max(dues)
    came = sum(half < due <= end for due in dues)
    done = sum(half < request.ended_ms <= end for request in level.log)
    # a queue that holds no more than comes by chance grows by chance
    return 1.0 if came - done <= came**0.5 else done / came


def _next_rate(sweep: Sweep, levels: Sequence[LevelReport]) -> Load | Saturation:
    judged = [(_size(level), too_much(levels[: place + 1])) for place, level in enumerate(levels)]
    bad, why = min(((size, why) for size, why in judged if why), default=(None, ""))
    good = max((size for size, why in judged if not why and (bad is None or size < bad)), default=None)
    if bad is None:
        size = (good or sweep.start) * 2
        return _load(sweep, size) if size <= sweep.most else _found(levels, _at_limit(sweep), found=False)
    if good is None:
        return _load(sweep, bad / 2) if bad / 2 >= sweep.start * LEAST else _found(levels, why, found=True)
    if bad / good <= NEAR:
        return _found(levels, why, found=True)
    return _load(sweep, float(f"{(bad * good) ** 0.5:.3g}"))


def _found(levels: Sequence[LevelReport], why: str, *, found: bool) -> Saturation:
    """With the load that did the most of those that were not too much; of all, if all were."""
    fine = [level for place, level in enumerate(levels) if not too_much(levels[: place + 1])]
    best = max(fine or levels, key=lambda level: level.output_tokens_per_s)
    return Saturation(
        load=best.load,
        output_tokens_per_s=best.output_tokens_per_s,
        requests_per_s=best.requests_per_s,
        why=why,
        found=found,
    )


def _at_limit(sweep: Sweep) -> str:
    return f"The next load would be beyond {sweep.most:g}, and the server still did more."


def _load(sweep: Sweep, size: float) -> Load:
    if sweep.of == "concurrency":
        return Closed(concurrency=round(size))
    return Open(rate_per_s=size, arrivals=sweep.arrivals)


def _size(level: LevelReport) -> float:
    load = level.load
    return load.rate_per_s if isinstance(load, Open) else float(level.concurrency or 0)


def _latency(level: LevelReport) -> float:
    """Median, from the planned time where there is one."""
    spread = level.e2e_sched_ms or level.e2e_ms
    return spread.p50 if spread else math.inf
