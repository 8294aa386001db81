"""Percentiles, and the few figures that describe a set of measurements. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pydantic import Field

from zephyr_deploy.spec.deployment import Frozen

if TYPE_CHECKING:
    from collections.abc import Sequence


class Spread(Frozen):
    """How ``n`` measurements are spread, in their own unit."""

    n: int
    mean: float
    p50: float
    p90: float
    p95: float | None = None
    """None: the figures are of a time when it was not kept."""
    p99: float
    max: float
    intervals: dict[str, tuple[float, float]] = Field(default_factory=dict)
    """By figure (``mean``, ``p50``…): between which values it is, with 95 % confidence; empty: not computed."""


def percentile(ordered: Sequence[float], q: float) -> float:
    """The ``q``-th percentile (0 to 100) of values in ascending order, by linear interpolation.

    The rank is ``(n - 1) * q / 100``, counted from 0; between two ranks the value is interpolated.
    This is type 7 of Hyndman and Fan (1996), the default of NumPy.

    Raises:
        ValueError: no values, or ``q`` outside 0 to 100.
    """
    if not ordered or not 0 <= q <= 100:  # noqa: PLR2004
        raise ValueError("a percentile needs values, and q from 0 to 100")
    rank = (len(ordered) - 1) * q / 100
    low = math.floor(rank)
    high = min(low + 1, len(ordered) - 1)
    # Never above the upper neighbour: rounding of the product may otherwise step over it.
    return min(ordered[low] + (ordered[high] - ordered[low]) * (rank - low), ordered[high])


def spread_of(values: Sequence[float]) -> Spread | None:
    """The spread of ``values`` in any order; None where there are none."""
    if not values:
        return None
    ordered = sorted(values)
    return Spread(
        n=len(ordered),
        mean=math.fsum(ordered) / len(ordered),
        p50=percentile(ordered, 50),
        p90=percentile(ordered, 90),
        p95=percentile(ordered, 95),
        p99=percentile(ordered, 99),
        max=ordered[-1],
    )
