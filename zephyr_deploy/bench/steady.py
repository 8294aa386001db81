"""Where a level is steady: behind the time in which it fills up, and before its last request has begun. Pure."""

from __future__ import annotations

import math
from statistics import median
from typing import TYPE_CHECKING

from zephyr_deploy.bench.loads import Closed, Ramp
from zephyr_deploy.bench.timeline import begun_ms, blocks
from zephyr_deploy.spec.base import Frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zephyr_deploy.bench.loads import Load
    from zephyr_deploy.bench.report import RequestRecord
    from zephyr_deploy.bench.timeline import Timeline

BATCH = 5
"""Values in a batch: White (1997) found five to do well, hence MSER-5."""
FEWEST = 6
"""Batches without which there is nothing to look for."""
TURNS = 3
"""Answers one after the other that a steady stretch has to have room for."""
MUCH = 0.2
"""From the first half of a stretch to the second, the mean may change by a fifth, ..."""
APART = 4
"""... or by four standard errors, which is chance."""
FILLED = 4
"""After a quarter of a level that is long enough, requests under way grow for another reason than that it fills up."""
PIECES = 10
"""Pieces of each half, for that error."""


class Steady(Frozen):
    """The stretch of a level that is steady, in milliseconds since its beginning, and the rates in it."""

    from_ms: float | None = None
    """None: it was never steady."""
    to_ms: float | None = None
    share: float = 0.0
    """Of the level's time."""
    requests_per_s: float | None = None
    output_tokens_per_s: float | None = None
    reason: str = ""
    """Why it was never steady, in one sentence; empty: it was."""

    @property
    def reached(self) -> bool:
        """Whether there is such a stretch."""
        return not self.reason


TOO_SHORT = Steady(reason=f"It was too short: less than {TURNS} answers one after the other.")
CHANGING = Steady(reason="It was still changing at its end.")


def steady_of(load: Load, timeline: Timeline | None, log: Sequence[RequestRecord]) -> Steady:
    """The steady stretch of a level.

    It ends when the last request begins. It begins where the mean of the rest is known best: MSER-5 of White (1997)
    over the first half, on the time per token of requests in their order for a closed loop, else on the requests under
    way. It is none if the rest still drifts, if it is shorter than three answers one after the other, or if requests
    under way keep growing, which is a server that does not keep up.
    """
    if isinstance(load, Ramp):
        return Steady(reason="The rate was changed all the time.")
    good = [record for record in log if record.e2e_ms is not None and record.failure is None]
    if timeline is None or not good:
        return Steady(reason="Nothing was answered.")
    answer_ms = median(record.e2e_ms or 0.0 for record in good)
    found = _of_closed(good) if isinstance(load, Closed) else _of_timetable(timeline)
    if isinstance(found, Steady):
        return found
    first, last = math.ceil(found / timeline.step_ms), int(timeline.last_begun_ms / timeline.step_ms)
    if (last - first) * timeline.step_ms < TURNS * answer_ms:
        return TOO_SHORT
    return Steady(
        from_ms=first * timeline.step_ms,
        to_ms=last * timeline.step_ms,
        share=(last - first) / len(timeline.tokens),
        requests_per_s=timeline.rate(timeline.answers, first, last),
        output_tokens_per_s=timeline.rate(timeline.tokens, first, last),
    )


def _of_closed(good: Sequence[RequestRecord]) -> float | Steady:
    """From when on in milliseconds, or why not."""
    per_token = [(record.e2e_ms or 0.0) / max(record.output_tokens, 1) for record in good]
    first = warm_up(per_token)
    if first is None:
        return TOO_SHORT
    return CHANGING if drift(per_token[first:]) else begun_ms(good[first])


def _of_timetable(timeline: Timeline) -> float | Steady:
    last = int(timeline.last_begun_ms / timeline.step_ms)
    if drift(timeline.under_way[last // FILLED : last]) > 0:
        return Steady(reason="Requests under way became more and more: the server does not keep up.")
    first = warm_up(timeline.under_way[:last])
    if first is None:
        return TOO_SHORT
    return CHANGING if drift(timeline.under_way[first:last]) else first * timeline.step_ms


def warm_up(series: Sequence[float]) -> int | None:
    """How many values to leave out by MSER-5, at most half: the mean of the rest has the smallest standard error then.

    None: there are too few values.
    """
    means = blocks(series, BATCH)
    if len(means) < FEWEST:
        return None
    best, at = math.inf, 0
    total = squares = 0.0
    for place in range(len(means) - 1, -1, -1):
        total += means[place]
        squares += means[place] ** 2
        count = len(means) - place
        error = max(0.0, squares - total * total / count) / count**2
        if place <= len(means) / 2 and error <= best:
            best, at = error, place
    return at * BATCH


def drift(series: Sequence[float]) -> float:
    """By how much the second half is above the first; 0.0: by less than a fifth, or by no more than chance."""
    half = len(series) // 2
    if half < PIECES:
        return 0.0
    halves = [blocks(part, half // PIECES) for part in (series[:half], series[half:])]
    (before, chance_before), (after, chance_after) = map(_mean_and_error, halves)
    beyond = max(MUCH * before, APART * math.hypot(chance_before, chance_after))
    return (after - before) / (half // PIECES) if abs(after - before) > beyond else 0.0


def _mean_and_error(values: Sequence[float]) -> tuple[float, float]:
    mean = sum(values) / len(values)
    return mean, math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1) / len(values))
