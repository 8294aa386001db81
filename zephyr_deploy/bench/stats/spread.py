"""The few figures that describe a set of measurements, and between which values each of them is."""

from __future__ import annotations

import math
from bisect import bisect_right
from itertools import chain
from typing import TYPE_CHECKING

from pydantic import Field

from zephyr_deploy.bench.stats.intervals import CONFIDENCE, Shares, interval_of_mean, ranks
from zephyr_deploy.spec.base import Frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

POINTS = {"p50": 0.50, "p90": 0.90, "p95": 0.95, "p99": 0.99}
"""The percentiles that are kept, by name, as shares."""
ROUNDED = 1e-6
"""Part of a rank that is but rounding."""


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
    """By figure (``mean``, ``p50``…): between which values it is, with 95 % confidence. One that is missing cannot be
    told: there are too few requests for it. Empty, too, where nobody computed them."""


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
    """The spread of ``values`` in any order, without intervals; None where there are none."""
    return _spread(sorted(values)) if values else None


def spread_by_request(groups: Sequence[Sequence[float]], confidence: float = CONFIDENCE) -> Spread | None:
    """The spread of what each request measured, with intervals; None where there is nothing.

    Args:
        groups: What each request measured, one value or several, in the order in which the requests were begun.
            Values of one request count as dependent, and so do requests that are alike because they follow each other.
        confidence: How often such an interval holds the true figure.
    """
    runs = [sorted(group) for group in groups if group]
    if not runs:
        return None
    ordered = sorted(chain.from_iterable(runs))  # of sorted runs: merged, not sorted anew
    spread = _spread(ordered)
    return spread.model_copy(update={"intervals": _intervals(spread, ordered, runs, confidence)})


def _spread(ordered: Sequence[float]) -> Spread:
    return Spread(
        n=len(ordered),
        mean=min(max(math.fsum(ordered) / len(ordered), ordered[0]), ordered[-1]),
        max=ordered[-1],
        **{name: percentile(ordered, 100 * share) for name, share in POINTS.items()},
    )


def _intervals(
    spread: Spread, ordered: Sequence[float], runs: Sequence[Sequence[float]], confidence: float
) -> dict[str, tuple[float, float]]:
    sizes = [len(run) for run in runs]
    found: dict[str, tuple[float, float]] = {}
    mean = interval_of_mean([math.fsum(run) for run in runs], sizes, confidence)
    if mean is not None:
        found["mean"] = mean
    for name, share in POINTS.items():
        value = float(getattr(spread, name))
        below = Shares([bisect_right(run, value) for run in runs], sizes)
        bounds = ranks(below.effective(confidence), share, confidence)
        if bounds is not None:
            low, high = (bound * len(ordered) for bound in bounds)
            # Where each value counts, both are whole numbers, but for a double's last digits.
            lowest, highest = max(math.floor(low + ROUNDED), 1), math.ceil(high - ROUNDED)
            # A percentile is interpolated, and its bounds are values that were measured: they hold it in any case.
            found[name] = min(ordered[lowest - 1], value), max(ordered[highest - 1], value)
    return found
