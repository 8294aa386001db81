"""How TTFT, ITL and E2E are distributed: a histogram for each level, and latency by percentile."""

from __future__ import annotations

from bisect import bisect_right
from itertools import zip_longest
from math import log10
from typing import TYPE_CHECKING, NamedTuple

from zephyr_deploy.bench.page.colours import colour_of
from zephyr_deploy.bench.page.drawing import Chart, Key, Mark, columns, grid, line, upright
from zephyr_deploy.bench.page.numbers import time
from zephyr_deploy.bench.page.scales import Tick, fitted
from zephyr_deploy.bench.stats import percentile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from zephyr_deploy.bench.page.scales import Scale
    from zephyr_deploy.bench.report import BenchReport, LevelReport

    Of = Callable[[LevelReport], list[float]]

ROW_HEIGHT = 44
HEIGHT = 220
BINS = 72
NINES = 3.0
"""As far as latency by percentile goes: 99.9 %."""
CUT = 99.9
"""Percentile beyond which a histogram counts in its last column, so that one straggler does not squeeze the others."""
TICKS = tuple(Tick(-log10(1 - q / 100) / NINES, f"{q:g} %") for q in (50, 90, 99, 99.9))


class Distribution(NamedTuple):
    """Of one figure."""

    title: str
    note: str
    rows: tuple[Chart, ...]
    """A histogram a level, all on the same axis."""
    by_percentile: Chart


class _Values(NamedTuple):
    label: str
    colour: str
    ordered: list[float]


def distributions(report: BenchReport) -> tuple[Distribution, ...]:
    """Of the three figures; none where the report keeps no requests."""
    found = (
        _distribution(report, "TTFT", "time to first token", ttfts_of),
        _distribution(report, "ITL", "time between tokens", gaps_of),
        _distribution(report, "E2E", "whole answers", e2es_of),
    )
    return tuple(one for one in found if one)


def ttfts_of(level: LevelReport) -> list[float]:
    """Of complete answers, in milliseconds."""
    return [one.ttft_ms for one in level.log if one.failure is None and one.ttft_ms is not None]


def e2es_of(level: LevelReport) -> list[float]:
    """The same of whole answers."""
    return [one.e2e_ms for one in level.log if one.failure is None and one.e2e_ms is not None]


def gaps_of(level: LevelReport) -> list[float]:
    """Of complete answers, in milliseconds: the gaps between events, by the tokens that the later one carries."""
    return [
        gap / 1000 / (tokens or 1)
        for one in level.log
        if one.failure is None
        for gap, tokens in zip_longest(one.gaps_us, one.gap_tokens)
    ]


def _distribution(report: BenchReport, title: str, note: str, values_of: Of) -> Distribution | None:
    many = len(report.levels)
    found = [
        _Values(str(level.load), colour_of(place, many), ordered)
        for place, level in enumerate(report.levels)
        if (ordered := sorted(values_of(level)))
    ]
    if not found:
        return None
    x = axis_of([one.ordered for one in found])
    return Distribution(title, note, tuple(_row(one, x, last=one is found[-1]) for one in found), _by_percentile(found))


def axis_of(found: Sequence[Sequence[float]]) -> Scale:
    """On which values in ascending order, of several levels, can be compared."""
    return fitted([percentile(ordered, q) for ordered in found for q in (0.5, 50, CUT)], label=time)


def _row(one: _Values, x: Scale, *, last: bool) -> Chart:
    counts = counts_of(one.ordered, x, BINS)
    most = max(counts) or 1
    marks = [Mark("area", columns([count / most for count in counts]), one.colour)]
    for q, kind in ((50, "rule"), (99, "rule thin")):
        value = percentile(one.ordered, q)
        marks.append(Mark(kind, upright(x.at(value), 0, 1), one.colour, f"p{q} {time(value)}"))
    p50, p99 = (time(percentile(one.ordered, q)) for q in (50, 99))
    return Chart(
        title=one.label,
        unit=f"p50 {p50} · p99 {p99}",
        height=ROW_HEIGHT,
        x=x.ticks if last else (),
        y=(),
        marks=tuple(marks),
        part="row",
    )


def counts_of(ordered: Sequence[float], x: Scale, columns: int) -> list[int]:
    """How many values lie in each column of an axis; those beyond it in the outermost ones."""
    edges = [_value_at(x, place / columns) for place in range(1, columns)]
    below = [bisect_right(ordered, edge) for edge in edges]
    return [high - low for low, high in zip([0, *below], [*below, len(ordered)], strict=True)]


def _value_at(scale: Scale, place: float) -> float:
    if scale.log:
        return float(scale.low * (scale.high / scale.low) ** place)
    return scale.low + (scale.high - scale.low) * place


def _by_percentile(found: Sequence[_Values]) -> Chart:
    """Latency by percentile, 99 % as far from 90 % as 90 % from 0, so that the tail can be seen (as HdrHistogram)."""
    lines = [(one, list(_quantiles(one.ordered))) for one in found]
    y = fitted([value for _, points in lines for _, value in points], label=time)
    marks = [Mark("grid", grid(y))]
    marks += [Mark("grid", upright(tick.at, 0, 1)) for tick in TICKS]
    marks += [Mark("curve", line((at, y.at(value)) for at, value in points), one.colour) for one, points in lines]
    return Chart(
        title="by percentile",
        unit="",
        height=HEIGHT,
        x=TICKS,
        y=y.ticks,
        marks=tuple(marks),
        legend=tuple(Key(one.label, "curve", one.colour) for one in found) if len(found) > 1 else (),
    )


def _quantiles(ordered: Sequence[float]) -> Iterator[tuple[float, float]]:
    """(place, value) as far as so many values say anything."""
    most = min(NINES, log10(max(len(ordered), 2)))
    steps = 90
    for step in range(steps + 1):
        nines = most * step / steps
        yield nines / NINES, percentile(ordered, 100 * (1 - 10**-nines))
