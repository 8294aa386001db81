"""What happened when, of one level: every request, how many were under way, tokens a second."""

from __future__ import annotations

from itertools import accumulate
from math import ceil
from typing import TYPE_CHECKING, NamedTuple

from zephyr_deploy.bench.page.drawing import Chart, Key, Mark, grid, over_time, under
from zephyr_deploy.bench.page.lanes import began_ms, lanes_of
from zephyr_deploy.bench.page.numbers import coordinate, time
from zephyr_deploy.bench.page.scales import linear, round_step, until

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from zephyr_deploy.bench.page.scales import Tick
    from zephyr_deploy.bench.report import LevelReport, RequestRecord

    Points = list[tuple[float, float]]

LANE_PX, LEAST_PX, MOST_PX = 11, 44, 340
RATE_PX = 90
SLOTS = 160
"""Token rates are counted in about so many slots."""
SHORTEST_SLOT_MS = 20.0
MOST_STEPS = 2000
"""So many changes of the requests under way are drawn one by one; more are averaged."""
PHASES = (
    Key("waiting to be sent", "bar", "late"),
    Key("until the first token", "bar", "wait"),
    Key("tokens", "bar", "flow"),
    Key("failed", "bar", "fail"),
)


class Timeline(NamedTuple):
    """Charts over the same time."""

    length_ms: float
    lanes: tuple[int, ...]
    """Of the requests, in the log's order."""
    charts: tuple[Chart, ...]


def timeline(level: LevelReport) -> Timeline | None:
    """Of one level; None where its requests were not kept."""
    if not level.log:
        return None
    length = max(one.ended_ms for one in level.log) or 1.0
    lanes = lanes_of(level.log)
    ticks = until(length, label=time).ticks
    charts = (_requests(level.log, lanes, length, ticks), *_over_time(level, length, ticks))
    return Timeline(length, tuple(lanes), charts)


def _requests(log: Sequence[RequestRecord], lanes: Sequence[int], length: float, ticks: tuple[Tick, ...]) -> Chart:
    many = max(lanes) + 1
    paths: dict[str, list[str]] = {key.colour: [] for key in PHASES}
    ends: list[str] = []
    least = length / 4000
    for one, lane in zip(log, lanes, strict=True):
        y = f"{lane}.5"
        for colour, start, end in _phases(one):
            paths[colour].append(f"M{coordinate(start)} {y}h{coordinate(max(end - start, least))}")
        if one.failure is not None:
            ends.append(f"M{coordinate(one.ended_ms)} {y}h0")
    marks = [Mark("bar", "".join(path), colour) for colour, path in paths.items() if path]
    if ends:
        marks.append(Mark("dot", "".join(ends), "fail"))
    return Chart(
        title="Requests",
        unit=f"{len(log):,}, at most {many:,} at once",
        height=min(MOST_PX, max(LEAST_PX, many * LANE_PX)),
        x=ticks,
        y=(),
        marks=tuple(marks),
        legend=tuple(key for key in PHASES if paths[key.colour]),
        field=(length, float(many)),
        timed=True,
        part="requests",
    )


def _phases(one: RequestRecord) -> Iterator[tuple[str, float, float]]:
    """The colours of a request, each from when to when."""
    if one.due_ms is not None and one.sent_ms is not None and one.sent_ms > one.due_ms:
        yield "late", one.due_ms, one.sent_ms
    start = one.sent_ms if one.sent_ms is not None else began_ms(one)
    if one.failure is not None:
        yield "fail", start, one.ended_ms
        return
    first = start + one.ttft_ms if one.ttft_ms is not None else one.ended_ms
    yield "wait", start, first
    if one.ended_ms > first:
        yield "flow", first, one.ended_ms


def _over_time(level: LevelReport, length: float, ticks: tuple[Tick, ...]) -> Iterator[Chart]:
    under_way = in_flight(level.log, length)
    yield series_chart("Under way", "requests sent and not over", under_way, length, ticks, colour="wait")
    rate = token_rate(level.log, length)
    slot = time(rate[1][0] - rate[0][0]) if len(rate) > 1 else time(length)
    chart = series_chart("Output tokens a second", f"in slots of {slot}", rate, length, ticks, colour="flow")
    steady = level.steady
    if steady is not None and steady.from_ms is not None and steady.to_ms is not None:
        start, end = (coordinate(at) for at in (steady.from_ms, steady.to_ms))
        band = Mark("area band", f"M{start} 0H{end}V1000H{start}Z", "good")
        key = Key("steady: its rates are without beginning and end", "bar band", "good")
        chart = chart._replace(marks=(band, *chart.marks), legend=(key,))
    yield chart


def series_chart(
    title: str, unit: str, points: Points, length: float, ticks: tuple[Tick, ...], *, colour: str, height: int = RATE_PX
) -> Chart:
    """Of (milliseconds, value), over the time of a level."""
    y = linear(max((value for _, value in points), default=1.0), count=2)
    path = over_time(points, y) if points else ""
    marks = (
        Mark("grid", grid(y, length)),
        Mark("area faint", under(path, points), colour),
        Mark("curve thin", path, colour),
    )
    return Chart(title, unit, height, ticks, y.ticks, marks, field=(length, 1000.0), timed=True)


def in_flight(log: Sequence[RequestRecord], length: float) -> Points:
    """How many requests are sent and not over, as steps; of very many, the mean of each slot."""
    changes = sorted(
        change for one in log if one.sent_ms is not None for change in ((one.sent_ms, 1), (one.ended_ms, -1))
    )
    if len(changes) > MOST_STEPS:
        return _averaged(changes, length)
    points: Points = [(0.0, 0.0)]
    many = 0
    for at, step in changes:
        points.append((at, float(many)))
        many += step
        points.append((at, float(many)))
    return [*points, (length, float(many))]


def _averaged(changes: Sequence[tuple[float, int]], length: float) -> Points:
    width = length / (MOST_STEPS // 2)
    spent = [0.0] * (MOST_STEPS // 2)
    many, last = 0, 0.0
    for at, step in (*changes, (length, 0)):
        while last < at:
            slot = min(int(last / width + 1e-9), len(spent) - 1)
            end = min(at, (slot + 1) * width) if slot + 1 < len(spent) else at
            spent[slot] += many * (end - last)
            last = end
        many += step
    return [((slot + 0.5) * width, value / width) for slot, value in enumerate(spent)]


def token_rate(log: Sequence[RequestRecord], length: float) -> Points:
    """Output tokens a second in slots of time, those of failed answers too, in the middle of each slot."""
    width = round_step(max(SHORTEST_SLOT_MS, length / SLOTS))
    slots = max(1, ceil(length / width))
    counts = [0.0] * (slots + 1)
    for one in log:
        each, times = _tokens(one)
        for at in times:
            counts[min(slots, int(at / width))] += each
    last = counts.pop()
    counts[-1] += last
    return [((slot + 0.5) * width, count * 1000 / width) for slot, count in enumerate(counts)]


def _tokens(one: RequestRecord) -> tuple[float, Iterable[float]]:
    """How many tokens each event carries, and when they came; evenly where single gaps are not kept."""
    if one.sent_ms is None or one.ttft_ms is None or not one.output_tokens:
        return 0.0, ()
    first = one.sent_ms + one.ttft_ms
    if one.gaps_us:
        gaps = (gap / 1000 for gap in one.gaps_us)
        return one.output_tokens / (len(one.gaps_us) + 1), accumulate(gaps, initial=first)
    step = ((one.e2e_ms or one.ttft_ms) - one.ttft_ms) / max(1, one.output_tokens - 1)
    return 1.0, (first + place * step for place in range(one.output_tokens))
