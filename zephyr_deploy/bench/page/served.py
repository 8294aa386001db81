"""What the server said of itself, under the same time as the requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from zephyr_deploy.bench.page.drawing import Chart, Mark, grid, over_time, under
from zephyr_deploy.bench.page.numbers import short, time
from zephyr_deploy.bench.page.scales import linear, until

if TYPE_CHECKING:
    from zephyr_deploy.bench.report import LevelReport
    from zephyr_deploy.bench.server.view import Series, Split

HEIGHT = 72
FULL = 100.0


class Part(NamedTuple):
    """Of the time to the first token: a colour, a name, how long, and how much of it, 0 to 1."""

    colour: str
    name: str
    text: str
    share: float


class Served(NamedTuple):
    """All that is drawn of it."""

    charts: tuple[Chart, ...]
    times: tuple[tuple[str, ...], ...]
    """Name, n, mean, p50 and p99 of each."""
    split: tuple[Part, ...]


def served(level: LevelReport, length_ms: float) -> Served | None:
    """None where the server was not asked, or said nothing."""
    view = level.server
    if view is None:
        return None
    times = tuple(
        (one.title, f"{one.n:,}", time(one.mean_ms), *("-" if v is None else time(v) for v in (one.p50_ms, one.p99_ms)))
        for one in view.times
    )
    charts = tuple(_chart(one, length_ms) for one in view.series if one.points)
    return Served(charts, times, _parts(view.split) if view.split else ())


def _chart(series: Series, length_ms: float) -> Chart:
    most = max(value for _, value in series.points)
    y = until(FULL, count=2) if series.unit == "%" else linear(most, count=2)
    points = [point for point in series.points if 0 <= point[0] <= length_ms] or list(series.points)
    path = over_time(points, y)
    mean = series.mean
    return Chart(
        title=series.title,
        unit=f"{series.unit} · mean {short(mean)}" if mean is not None else series.unit,
        height=HEIGHT,
        x=until(length_ms, label=time).ticks,
        y=y.ticks,
        marks=(
            Mark("grid", grid(y, length_ms)),
            Mark("area faint", under(path, points), "l2"),
            Mark("curve thin", path, "l2"),
        ),
        field=(length_ms, 1000.0),
        timed=True,
    )


def _parts(split: Split) -> tuple[Part, ...]:
    known = (
        ("late", "network", split.network_ms),
        ("wait", "queue", split.queue_ms),
        ("flow", "engine", split.engine_ms),
    )
    return tuple(
        Part(colour, name, time(value), value / split.ttft_ms)
        for colour, name, value in known
        if value is not None and split.ttft_ms > 0
    )
