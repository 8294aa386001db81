"""What two figures differ by, from each one's own interval: the method of variance estimates recovery.

Zou and Donner (2008), "Construction of confidence limits about effect measures", Statistics in Medicine 27: each limit
of the difference takes the limits of the figures that are on its side, so that lopsided intervals keep their shape.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

Interval = tuple[float, float]


def difference(a: float, of_a: Interval, b: float, of_b: Interval) -> Interval:
    """Between which values ``b - a`` is, by the intervals of both, which are independent."""
    low = b - a - math.hypot(b - of_b[0], of_a[1] - a)
    high = b - a + math.hypot(of_b[1] - b, a - of_a[0])
    return low, high


def ratio(a: float, of_a: Interval, b: float, of_b: Interval) -> Interval | None:
    """Between which values ``b / a`` is; None: an interval reaches down to zero, so that there is no limit."""
    if min(a, b, *of_a, *of_b) <= 0:
        return None
    logs = [(math.log(value), (math.log(low), math.log(high))) for value, (low, high) in ((a, of_a), (b, of_b))]
    low, high = difference(*logs[0], *logs[1])
    return math.exp(low), math.exp(high)


def chance_of_more(a: Sequence[float], b: Sequence[float]) -> float | None:
    """How likely a value of ``b`` is above one of ``a``, ties counting half: 0.5 is no effect, 0 and 1 the largest.

    It is Mann and Whitney's statistic over the number of pairs; None where there are none.
    """
    if not a or not b:
        return None
    ordered_a, ordered_b = sorted(a), sorted(b)
    below = upto = twice = 0
    for value in ordered_b:
        while below < len(ordered_a) and ordered_a[below] < value:
            below += 1
        while upto < len(ordered_a) and ordered_a[upto] <= value:
            upto += 1
        twice += below + upto
    return twice / (2 * len(a) * len(b))
