"""Throughput against latency, with the limit drawn in: on a terminal, and as numbers for a drawing."""

from __future__ import annotations

from math import ceil, floor, log10
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zephyr_deploy.plan.choice.outcome import Level, Outlook

WIDTH, HEIGHT = 64, 14
"""Of the plot on a terminal, in letters and lines, without what stands beside it."""
TICKS = 5
"""About so many marks an axis."""
AXIS = "tokens/s"
NEAR = 0.06
"""Points that are nearer to each other than that, in both directions, share a label in a drawing."""


class Point(NamedTuple):
    """A load: its place from 0 to 1 in either direction, from the lower left, and how many requests it is."""

    x: float
    y: float
    label: str
    low: float
    """Where the range of its latency begins, from 0 to 1."""
    high: float


class Tick(NamedTuple):
    """A mark of an axis."""

    at: float
    label: str


class Plot(NamedTuple):
    """All of it, in fractions of either axis."""

    points: tuple[Point, ...]
    limit: float | None
    """Where the limit of the time between tokens is; None: there is none."""
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]

    @property
    def labelled(self) -> tuple[Point, ...]:
        """The points, those without a label that lie on another's."""
        shown: list[Point] = []
        for point in self.points:
            last = next((one for one in reversed(shown) if one.label), None)
            crowded = last and abs(point.x - last.x) < NEAR and abs(point.y - last.y) < NEAR
            shown.append(point._replace(label="") if crowded else point)
        return tuple(shown)


def plot(*outlooks: Outlook) -> tuple[Plot, ...]:
    """One plot for each, all on the same axes; none where no speed is known."""
    known = [outlook for outlook in outlooks if outlook.levels]
    if not known:
        return ()
    levels = [level for outlook in known for level in outlook.levels]
    limits = [outlook.slo.itl_ms for outlook in known if outlook.slo.itl_ms]
    x_ticks = ticks(max([level.itl_ms for level in levels] + limits))
    y_ticks = ticks(max(level.prediction.output_tokens_per_s.value for level in levels))
    return tuple(_plot(outlook, x_ticks, y_ticks) for outlook in known)


def on_a_terminal(drawn: Plot, a_label: str = "a number is so many requests at a time") -> str:
    """The points as their labels, of which ``a_label`` says what they mean; the limit as a line."""
    field = [[" "] * WIDTH for _ in range(HEIGHT)]
    if drawn.limit is not None:
        column = _column(drawn.limit)
        for line in field:
            line[column] = ":"
    for point in drawn.points:
        line, start = field[HEIGHT - 1 - round(point.y * (HEIGHT - 1))], _column(point.x)
        start = min(start, WIDTH - len(point.label))
        line[start : start + len(point.label)] = point.label
    marks = {HEIGHT - 1 - round(tick.at * (HEIGHT - 1)): tick.label for tick in drawn.y_ticks}
    beside = max(len(label) for label in (*marks.values(), AXIS))
    lines = [f"{AXIS:>{beside}}"]
    lines += [f"{marks.get(place, ''):>{beside}} |{''.join(line)}".rstrip() for place, line in enumerate(field)]
    lines.append(" " * beside + " +" + "-" * WIDTH)
    lines.append(" " * (beside + 2) + _under(drawn.x_ticks))
    limit = "; the dotted line is the limit" if drawn.limit is not None else ""
    lines.append(" " * (beside + 2) + f"ms between tokens; {a_label}{limit}")
    return "\n".join(lines)


def _plot(outlook: Outlook, x_ticks: tuple[Tick, ...], y_ticks: tuple[Tick, ...]) -> Plot:
    right, top = float(x_ticks[-1].label), float(y_ticks[-1].label)
    limit = outlook.slo.itl_ms
    return Plot(
        points=tuple(_point(level, right, top) for level in outlook.levels),
        limit=None if limit is None else limit / right,
        x_ticks=x_ticks,
        y_ticks=y_ticks,
    )


def _point(level: Level, right: float, top: float) -> Point:
    found = level.prediction
    low, high = (level.itl_ms * edge / found.itl_ms.value for edge in (found.itl_ms.low, found.itl_ms.high))
    return Point(
        x=level.itl_ms / right,
        y=found.output_tokens_per_s.value / top,
        label=f"{found.concurrency:.0f}",
        low=low / right,
        high=min(high / right, 1.0),
    )


def ticks(most: float) -> tuple[Tick, ...]:
    """From 0 to the first mark that is not below ``most``, at steps of 1, 2 or 5 times a power of ten."""
    rough = most / TICKS
    power = 10 ** floor(log10(rough))
    step = next(power * times for times in (1, 2, 5, 10) if power * times >= rough)
    count = max(1, ceil(most / step))
    return tuple(Tick(place / count, f"{place * step:g}") for place in range(count + 1))


def _column(at: float) -> int:
    return min(WIDTH - 1, round(at * (WIDTH - 1)))


def _under(ticks: Iterable[Tick]) -> str:
    line = ""
    for tick in ticks:
        start = min(_column(tick.at), WIDTH - len(tick.label))
        line = line.ljust(start) + tick.label
    return line
