"""What a chart consists of, and SVG paths for it.

A chart's field is 1,000 units wide and high and is stretched to whatever room there is; lines keep their width because
they do not scale, and texts are HTML beside it, so that they are as large on a telephone as on a desk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from zephyr_deploy.bench.page.numbers import coordinate

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from zephyr_deploy.bench.page.scales import Scale, Tick

FIELD = 1000.0


class Mark(NamedTuple):
    """A path: how it is drawn (a class of the style sheet), and in which colour."""

    kind: str
    path: str
    colour: str = ""
    """The name of a custom property, e.g. l3."""
    title: str = ""
    """What a pointer on it is told."""


class Label(NamedTuple):
    """A text inside the field, from its lower left, 0 to 1."""

    x: float
    y: float
    text: str
    colour: str = ""


class Key(NamedTuple):
    """An entry of a legend."""

    text: str
    kind: str
    colour: str = ""


class Chart(NamedTuple):
    """All of it."""

    title: str
    unit: str
    height: int
    """In pixels."""
    x: tuple[Tick, ...]
    y: tuple[Tick, ...]
    marks: tuple[Mark, ...]
    labels: tuple[Label, ...] = ()
    legend: tuple[Key, ...] = ()
    x_unit: str = ""
    field: tuple[float, float] = (FIELD, FIELD)
    """Width and height in units."""
    timed: bool = False
    """Whether its width is time in milliseconds: then it is enlarged with the others of its level."""
    part: str = ""
    """A class of its own."""


def line(points: Iterable[tuple[float, float]]) -> str:
    """Through points in fractions of the field."""
    return _through((x * FIELD, _down(y)) for x, y in points)


def dots(points: Iterable[tuple[float, float]]) -> str:
    """A dot each: a line of no length whose ends are round."""
    return "".join(f"M{coordinate(x * FIELD)} {coordinate(_down(y))}h0" for x, y in points)


def upright(x: float, low: float, high: float) -> str:
    """A vertical line."""
    return f"M{coordinate(x * FIELD)} {coordinate(_down(low))}V{coordinate(_down(high))}"


def level(y: float, low: float, high: float) -> str:
    """A horizontal line."""
    return f"M{coordinate(low * FIELD)} {coordinate(_down(y))}H{coordinate(high * FIELD)}"


def columns(heights: Sequence[float]) -> str:
    """An area of columns side by side, as wide as the field together."""
    width = FIELD / len(heights)
    steps = "".join(
        f"V{coordinate(_down(height))}H{coordinate((place + 1) * width)}" for place, height in enumerate(heights)
    )
    return f"M0 {coordinate(FIELD)}{steps}V{coordinate(FIELD)}Z"


def over_time(points: Iterable[tuple[float, float]], scale: Scale) -> str:
    """A line through (milliseconds, value)."""
    return _through((ms, _down(scale.at(value))) for ms, value in points)


def under(path: str, points: Sequence[tuple[float, float]]) -> str:
    """The area under a line of `over_time`."""
    if not points:
        return ""
    return f"{path}L{coordinate(points[-1][0])} {coordinate(FIELD)}H{coordinate(points[0][0])}Z"


def grid(scale: Scale, width: float = FIELD) -> str:
    """Horizontal lines at the marks."""
    return "".join(f"M0 {coordinate(_down(tick.at))}h{coordinate(width)}" for tick in scale.ticks)


def _through(places: Iterable[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{coordinate(x)} {coordinate(y)}" for x, y in places)


def _down(y: float) -> float:
    return (1 - y) * FIELD
