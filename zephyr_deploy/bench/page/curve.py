"""Latency against throughput: a point a level."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.bench.loads import Closed, Open
from zephyr_deploy.bench.page.drawing import Chart, Key, Label, Mark, dots, grid, level, line, upright
from zephyr_deploy.bench.page.numbers import time
from zephyr_deploy.bench.page.scales import fitted, linear

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from zephyr_deploy.bench.loads import Load
    from zephyr_deploy.bench.page.scales import Scale
    from zephyr_deploy.bench.report import BenchReport, LevelReport
    from zephyr_deploy.bench.stats import Spread

    Known = Sequence[tuple[LevelReport, Spread]]

HEIGHT = 260
SHOWN = (("ttft_ms", "TTFT"), ("itl_ms", "ITL"), ("e2e_ms", "E2E"))
PERCENTILES = (("p50", "curve", "mark"), ("p99", "curve dashed", "tail"))
"""Which, how it is drawn, and in which colour."""
FEWEST = 2
"""Points from which on there is a curve."""
NEAR = 0.08
"""Points that are nearer to each other than that share a label."""


def curves(report: BenchReport) -> tuple[Chart, ...]:
    """One chart for each figure; none where there is one level only."""
    charts: list[Chart] = []
    for field, title in SHOWN:
        known = [(level, spread) for level in report.levels if (spread := getattr(level, field)) is not None]
        if len(known) >= FEWEST:
            charts.append(_curve(known, field, title))
    return tuple(charts)


def _curve(known: Known, field: str, title: str) -> Chart:
    planned = list(_planned(known, field))
    values = [value for _, spread in known for name, _, _ in PERCENTILES for value in _reach(spread, name)]
    x = linear(max([level.output_tokens_per_s for level, _ in known] + [rate for rate, _ in planned]))
    y = fitted(values + [value for _, value in planned], label=time)
    marks = [Mark("grid", grid(y))]
    legend = [Key(name, kind, colour) for name, kind, colour in PERCENTILES]
    if planned:
        marks.append(Mark("curve dotted", line((x.at(rate), y.at(value)) for rate, value in planned), "soft"))
        legend.append(Key("planned", "curve dotted", "soft"))
    limit = _limit(known, field)
    if limit is not None and y.low <= limit <= y.high:
        marks.append(Mark("limit", level(y.at(limit), 0, 1), "bad", f"SLO {time(limit)}"))
        legend.append(Key("SLO", "limit", "bad"))
    for name, kind, colour in PERCENTILES:
        marks += _percentile(known, name, Mark(kind, title, colour), x, y)
    return Chart(
        title=title,
        unit="",
        height=HEIGHT,
        x=x.ticks,
        y=y.ticks,
        marks=tuple(marks),
        labels=tuple(_labels(known, x, y)),
        legend=tuple(legend),
        x_unit="output tokens a second",
    )


def _percentile(known: Known, name: str, style: Mark, x: Scale, y: Scale) -> Iterator[Mark]:
    """Its line, its dots, and between which values it is with 95 % confidence, where that was computed."""
    places = [(x.at(level.output_tokens_per_s), y.at(getattr(spread, name))) for level, spread in known]
    for (across, _), (_, spread) in zip(places, known, strict=True):
        if name in spread.intervals:
            low, high = (y.at(edge) for edge in spread.intervals[name])
            caps = "".join(level(edge, across - 0.008, across + 0.008) for edge in (low, high))
            yield Mark("interval", upright(across, low, high) + caps, style.colour)
    yield Mark(style.kind, line(places), style.colour)
    for place, (at, spread) in zip(places, known, strict=True):
        told = f"{style.path} {name} {time(getattr(spread, name))} with {at.load}"
        if name in spread.intervals:
            low, high = spread.intervals[name]
            told += f" ({time(low)} to {time(high)} with 95 % confidence)"
        yield Mark("dot", dots([place]), style.colour, told)


def _limit(known: Known, field: str) -> float | None:
    """What the SLO asks of that figure; None: nothing."""
    goodput = known[0][0].goodput
    limit: float | None = getattr(goodput.slo, field, None) if goodput else None
    return limit


def _reach(spread: Spread, name: str) -> tuple[float, ...]:
    return (getattr(spread, name), *spread.intervals.get(name, ()))


def _planned(known: Known, field: str) -> Iterator[tuple[float, float]]:
    """Tokens a second and the figure, as a plan has them."""
    for at, _ in known:
        if at.predicted is not None and hasattr(at.predicted, field):
            yield at.predicted.output_tokens_per_s.value, getattr(at.predicted, field).value


def _labels(known: Known, x: Scale, y: Scale) -> Iterator[Label]:
    """At the p50 of each load; where loads crowd, at the first of them."""
    last: Label | None = None
    for at, spread in known:
        label = Label(x.at(at.output_tokens_per_s), y.at(spread.p50), brief(at.load))
        if last is None or abs(label.x - last.x) > NEAR or abs(label.y - last.y) > NEAR:
            yield label
            last = label


def brief(load: Load) -> str:
    """A load in a few letters."""
    if isinstance(load, Closed):
        return str(load.concurrency)
    return f"{load.rate_per_s:g}/s" if isinstance(load, Open) else load.kind
