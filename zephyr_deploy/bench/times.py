"""The times of one request, in milliseconds, from what was written down of it; None where it has none. Pure."""

from __future__ import annotations

from operator import truediv
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zephyr_deploy.bench.sample import Sample

NS_PER_MS = 1e6


def ttft_ms(sample: Sample) -> float | None:
    """First token-bearing event - first byte of the request sent."""
    if sample.sent_ns is None or not sample.events:
        return None
    return (sample.events.at_ns[0] - sample.sent_ns) / NS_PER_MS


def itl_ms(sample: Sample) -> list[float]:
    """Every gap between token-bearing events divided by the tokens the later event carries (1 when unknown)."""
    counts = sample.events.gap_tokens()
    return list(map(truediv, icl_ms(sample), counts)) if counts else icl_ms(sample)


def tpot_ms(sample: Sample) -> float | None:
    """(last - first) / (n - 1); None for an answer of one token or one event."""
    if len(sample.events) < 2 or sample.tokens < 2:  # noqa: PLR2004
        return None
    return (sample.events.at_ns[-1] - sample.events.at_ns[0]) / NS_PER_MS / (sample.tokens - 1)


def icl_ms(sample: Sample) -> list[float]:
    """Every gap between token-bearing events, undivided."""
    return [gap / NS_PER_MS for gap in sample.events.gaps_ns()]


def ntpot_ms(sample: Sample) -> float | None:
    """``e2e`` / n, with n output tokens: what a token costs its reader with the wait for the first in it."""
    whole = e2e_ms(sample)
    return whole / sample.tokens if whole is not None and sample.tokens else None


def e2e_ms(sample: Sample) -> float | None:
    """Last token - first byte of the request sent."""
    if sample.sent_ns is None or not sample.events:
        return None
    return (sample.events.at_ns[-1] - sample.sent_ns) / NS_PER_MS


def ttft_sched_ms(sample: Sample) -> float | None:
    """First token-bearing event - when the timetable wanted the request sent."""
    if sample.due_ns is None or not sample.events:
        return None
    return (sample.events[0].at_ns - sample.due_ns) / NS_PER_MS


def e2e_sched_ms(sample: Sample) -> float | None:
    """Last token - when the timetable wanted the request sent."""
    if sample.due_ns is None or not sample.events:
        return None
    return (sample.events[-1].at_ns - sample.due_ns) / NS_PER_MS


def late_ms(sample: Sample) -> float | None:
    """First byte of the request sent - when the timetable wanted it sent."""
    if sample.due_ns is None or sample.sent_ns is None:
        return None
    return (sample.sent_ns - sample.due_ns) / NS_PER_MS


def known(values: Iterator[float | None]) -> list[float]:
    """Those of ``values`` that could be measured."""
    return [value for value in values if value is not None]
