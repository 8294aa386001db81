"""Between which values a level's rates are. Pure."""

from __future__ import annotations

import math
from statistics import median
from typing import TYPE_CHECKING

from zephyr_deploy.bench.loads import Closed, Load
from zephyr_deploy.bench.stats.intervals import CONFIDENCE, interval_of_mean, student
from zephyr_deploy.bench.timeline import blocks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from zephyr_deploy.bench.report import RequestRecord
    from zephyr_deploy.bench.stats.differences import Interval
    from zephyr_deploy.bench.timeline import Timeline

PIECES = 30
"""Most pieces that a level is cut into."""
ANSWERS = 2
"""A piece lasts as long as so many answers at least, so that what it has does not hang on the piece before."""


def intervals_of_rates(
    load: Load, timeline: Timeline | None, log: Sequence[RequestRecord], rates: Mapping[str, float]
) -> dict[str, Interval]:
    """The interval of each rate by its name; missing: there were too few requests, or too little time.

    In a closed loop all workers are busy, so that the rate hangs on how long requests take: the interval is that of
    answers, or tokens, over the time that requests were under way. At the end workers have nothing more to do, and for
    how long is chance as well. Else it is the interval of the mean of pieces of time, up to the beginning of the last
    request: by a timetable, rates fall at the end for that reason, and not by chance.
    """
    if timeline is None:
        return {}
    amounts, per = _by_request(log) if isinstance(load, Closed) else _by_time(timeline, log)
    run_out = _run_out(log, load.concurrency) if isinstance(load, Closed) else 0.0
    found = {}
    for name, rate in rates.items():
        values = amounts[name]
        interval, mean = interval_of_mean(values, per), sum(values) / (sum(per) or 1.0)
        if interval is not None and mean > 0:
            low, high = (
                math.hypot(bound / mean - 1, run_out * student(len(per) - 1, CONFIDENCE)) for bound in interval
            )
            found[name] = (max(0.0, rate * (1 - low)), rate * (1 + high))
    return found


def _by_request(log: Sequence[RequestRecord]) -> tuple[dict[str, list[float]], list[float]]:
    """What each request gave, and how long it was under way."""
    sent = [(record, record.failure is None) for record in log if record.sent_ms is not None]
    amounts = {
        "requests_per_s": [float(good) for _, good in sent],
        "output_tokens_per_s": [float(record.output_tokens * good) for record, good in sent],
    }
    return amounts, [record.ended_ms - (record.sent_ms or 0.0) for record, _ in sent]


def _by_time(timeline: Timeline, log: Sequence[RequestRecord]) -> tuple[dict[str, list[float]], list[float]]:
    """What came in each piece of time, and a one for each."""
    last = int(timeline.last_begun_ms / timeline.step_ms)
    answer_ms = median(record.e2e_ms or 0.0 for record in log)
    length = max(1, math.ceil(last / PIECES), math.ceil(ANSWERS * answer_ms / timeline.step_ms))
    amounts = {
        "requests_per_s": blocks(timeline.answers[:last], length),
        "output_tokens_per_s": blocks(timeline.tokens[:last], length),
    }
    return amounts, [1.0] * len(amounts["requests_per_s"])


def _run_out(log: Sequence[RequestRecord], workers: int) -> float:
    """Standard error of a rate, as a share of it, because the end of a closed loop is long or short by chance.

    It is the share of the workers' time in which they had nothing more to do, over the root of their number. That is a
    rule, and no theorem: simulated levels of 4 to 16 workers had 0.6 to 1.0 times as much.
    """
    end = max(record.ended_ms for record in log)
    busy = sum(record.ended_ms - record.sent_ms for record in log if record.sent_ms is not None)
    idle = max(0.0, 1 - busy / (end * workers))
    return idle / (1 - idle) / math.sqrt(workers) if idle < 1 else 0.0
