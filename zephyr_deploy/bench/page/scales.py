"""Axes: which values they show, and where their marks stand. Pure."""

from __future__ import annotations

from itertools import pairwise
from math import ceil, floor, log10
from typing import TYPE_CHECKING, NamedTuple

from zephyr_deploy.bench.page.numbers import short

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WIDE = 12.0
"""Values that differ by more than this factor are shown on a logarithmic axis."""
STEPS = (1.0, 2.0, 5.0, 10.0)
APART = 0.17
"""Marks of a logarithmic axis are at least so far from each other."""
PAD = 1.15
"""How much further than its values a logarithmic axis goes."""


class Tick(NamedTuple):
    """A mark: its place from 0 to 1, and its label."""

    at: float
    label: str


class Scale(NamedTuple):
    """From values to places from 0 to 1."""

    low: float
    high: float
    log: bool
    ticks: tuple[Tick, ...]

    def at(self, value: float) -> float:
        """Where ``value`` is; what lies outside is at the edge."""
        if self.log:
            place = log10(max(value, self.low) / self.low) / log10(self.high / self.low)
        else:
            place = (value - self.low) / (self.high - self.low)
        return min(1.0, max(0.0, place))


def linear(most: float, *, label: Callable[[float], str] = short, count: int = 4) -> Scale:
    """From 0 to the first round mark that is not below ``most``."""
    most = most if most > 0 else 1.0
    step = round_step(most / count)
    marks = max(1, ceil(most / step - 1e-9))
    ticks = tuple(Tick(place / marks, label(place * step)) for place in range(marks + 1))
    return Scale(0.0, marks * step, log=False, ticks=ticks)


def until(most: float, *, label: Callable[[float], str] = short, count: int = 6) -> Scale:
    """From 0 to ``most`` exactly, with round marks."""
    most = most if most > 0 else 1.0
    step = round_step(most / count)
    ticks = tuple(Tick(place * step / most, label(place * step)) for place in range(floor(most / step) + 1))
    return Scale(0.0, most, log=False, ticks=ticks)


def fitted(values: Sequence[float], *, label: Callable[[float], str] = short) -> Scale:
    """Linear from 0, or logarithmic where the values are too far apart for that."""
    above = [value for value in values if value > 0]
    if not above or max(above) / min(above) <= WIDE:
        return linear(max(above, default=1.0), label=label)
    return logarithmic(min(above) / PAD, max(above) * PAD, label=label)


def logarithmic(low: float, high: float, *, label: Callable[[float], str] = short) -> Scale:
    """From ``low`` to ``high``, marked at 1, 2 and 5 times the powers of ten, or at fewer."""
    powers = range(floor(log10(low)), ceil(log10(high)) + 1)
    width = log10(high / low)
    for steps, stride in (((1, 2, 5), 1), ((1, 3), 1), ((1,), 1), ((1,), 2), ((1,), 4)):
        marks = [
            step * 10.0**power for power in powers[::stride] for step in steps if low <= step * 10.0**power <= high
        ]
        if all(log10(second / first) >= APART * width for first, second in pairwise(marks)):
            break
    if len(marks) < 2:  # noqa: PLR2004
        marks = [low, high]
    return Scale(low, high, log=True, ticks=tuple(Tick(log10(mark / low) / width, label(mark)) for mark in marks))


def round_step(rough: float) -> float:
    """The first of 1, 2 and 5 times a power of ten that is not below ``rough``."""
    power = 10.0 ** floor(log10(rough))
    return next(power * times for times in STEPS if power * times >= rough * (1 - 1e-9))
