"""When the conversations of an open loop begin: ascending times in nanoseconds since its beginning. Pure, and seeded.

They are absolute and made beforehand, so that neither a slow server nor a late client moves what comes after.
"""

from __future__ import annotations

import math
from array import array
from itertools import takewhile
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

NS_PER_S = 1e9


def constant(rate_per_s: float) -> Iterator[float]:
    """Seconds: evenly, from 0 on. Multiplied, not added up, so that no rounding accumulates."""
    number = 0
    while True:
        yield number / rate_per_s
        number += 1


def poisson(rate_per_s: float, random: Random) -> Iterator[float]:
    """Seconds: gaps by the exponential distribution, as of many users who know nothing of each other."""
    at = 0.0
    while True:
        at += random.expovariate(rate_per_s)
        yield at


def bursty(rate_per_s: float, shape: float, random: Random) -> Iterator[float]:
    """Seconds: gaps by the gamma distribution of that ``shape`` with the same mean; 1 is `poisson`, less has bursts."""
    at = 0.0
    while True:
        at += random.gammavariate(shape, 1 / (rate_per_s * shape))
        yield at


def ramp(from_per_s: float, to_per_s: float, seconds: float, random: Random) -> Iterator[float]:
    """Seconds: a Poisson process whose rate goes evenly from one to the other; ends after ``seconds``.

    The arrivals of a process of rate 1 are moved to where the expected number of arrivals, which is a parabola of
    time, is what they are at.
    """
    slope = (to_per_s - from_per_s) / seconds
    expected = (from_per_s + to_per_s) / 2 * seconds
    for number in takewhile(lambda number: number < expected, poisson(1.0, random)):
        # the root of slope / 2 * t² + from * t = number, in the form that has no difference of like numbers
        yield 2 * number / (from_per_s + math.sqrt(from_per_s**2 + 2 * slope * number))


def in_ns(times_s: Iterable[float]) -> array[int]:
    """As a timetable."""
    return array("q", (round(at * NS_PER_S) for at in times_s))
