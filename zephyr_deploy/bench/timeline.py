"""What a level did over its time, in short steps of equal length. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zephyr_deploy.bench.report import RequestRecord

STEPS = 400
US_PER_MS = 1000
MS_PER_S = 1000


@dataclass
class Timeline:
    """Of a level, from its beginning on, ``step_ms`` a step; tokens and answers are those of complete ones alone."""

    step_ms: float
    tokens: list[float]
    """That came in each step."""
    answers: list[float]
    """That were complete in each step."""
    under_way: list[float]
    """Requests sent and not over, on average in each step."""
    last_begun_ms: float
    """From then on requests end and no new one begins."""

    def rate(self, series: Sequence[float], first: int, last: int) -> float:
        """``series`` a second, over the steps from ``first`` up to ``last``, which is not one of them."""
        return sum(series[first:last]) / ((last - first) * self.step_ms) * MS_PER_S


def timeline_of(records: Sequence[RequestRecord], steps: int = STEPS) -> Timeline | None:
    """The timeline; None: nothing was sent, or no time went by."""
    sent = [record for record in records if record.sent_ms is not None]
    step_us = math.ceil(max((record.ended_ms for record in sent), default=0.0) * US_PER_MS / steps)
    if step_us <= 0:
        return None
    step_ms = step_us / US_PER_MS
    answered = [record for record in sent if record.failure is None]
    return Timeline(
        step_ms=step_ms,
        tokens=_tokens(answered, step_us, steps),
        answers=_answers(answered, step_ms, steps),
        under_way=_under_way(sent, step_ms, steps),
        last_begun_ms=max(map(begun_ms, sent)),
    )


def begun_ms(record: RequestRecord) -> float:
    """When the load wanted it: by its timetable, or when it was sent where there is none."""
    return record.due_ms if record.due_ms is not None else record.sent_ms or 0.0


def blocks(series: Sequence[float], length: int) -> list[float]:
    """Sums of so many steps each; what is left at the end and fills none is dropped."""
    return [sum(series[at : at + length]) for at in range(0, len(series) - length + 1, length)]


def _tokens(records: Sequence[RequestRecord], step_us: int, steps: int) -> list[float]:
    # whole microseconds and nothing but the sum in the loop: a level may have 100,000 tokens
    counts = [0] * (steps + 1)
    for record in records:
        if record.sent_ms is None or record.ttft_ms is None:
            continue
        at = int((record.sent_ms + record.ttft_ms) * US_PER_MS)
        behind = (at + sum(record.gaps_us)) // step_us + 1 - len(counts)
        counts += [0] * behind  # many gaps of about a microsecond, each rounded up, are longer than the level
        if record.gap_tokens:
            counts[at // step_us] += max(1, record.output_tokens - sum(record.gap_tokens))
            for gap, tokens in zip(record.gaps_us, record.gap_tokens, strict=True):
                at += gap
                counts[at // step_us] += tokens
        else:
            counts[at // step_us] += 1
            for gap in record.gaps_us:
                at += gap
                counts[at // step_us] += 1
    return _within(counts, steps)


def _answers(records: Sequence[RequestRecord], step_ms: float, steps: int) -> list[float]:
    counts = [0] * (steps + 1)
    for record in records:
        counts[int(record.ended_ms / step_ms)] += 1
    return _within(counts, steps)


def _within(counts: list[int], steps: int) -> list[float]:
    """What came at the very end, or by rounding of gaps just behind it, is of the last step."""
    return [*map(float, counts[: steps - 1]), float(sum(counts[steps - 1 :]))]


def _under_way(records: Sequence[RequestRecord], step_ms: float, steps: int) -> list[float]:
    changes = [0.0] * (steps + 2)
    for record in records:
        for at, sign in (((record.sent_ms or 0.0) / step_ms, 1), (record.ended_ms / step_ms, -1)):
            place = int(at)
            changes[place] += sign * (place + 1 - at)  # for the rest of that step; for the whole of those behind it
            changes[place + 1] += sign * (at - place)
    return list(accumulate(changes))[:steps]
