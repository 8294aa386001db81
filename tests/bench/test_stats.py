from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zephyr_deploy.bench.stats import percentile, spread_of

VALUES = st.lists(st.floats(min_value=-1e9, max_value=1e9), min_size=1, max_size=200)


@pytest.mark.parametrize(
    ("values", "q", "expected"),
    [
        # by hand from rank = (n - 1) * q / 100; the same as numpy.percentile
        ([15, 20, 35, 40, 50], 40, 29.0),
        ([1, 2, 3, 4], 50, 2.5),
        ([1, 2, 3, 4], 25, 1.75),
        ([7], 99, 7.0),
        (list(range(1, 101)), 99, 99.01),
        (list(range(1, 101)), 90, 90.1),
        ([0, 10], 0, 0.0),
        ([0, 10], 100, 10.0),
    ],
)
def test_known_values(values, q, expected):
    assert percentile(values, q) == pytest.approx(expected)


@pytest.mark.parametrize(("values", "q"), [([], 50), ([1.0], -1), ([1.0], 100.5), ([1.0], math.nan)])
def test_refuses_what_has_no_percentile(values, q):
    with pytest.raises(ValueError, match="percentile"):
        percentile(values, q)


@given(VALUES, st.floats(0, 100), st.floats(0, 100))
def test_bounded_and_monotonic(values, first, second):
    ordered = sorted(values)
    low, high = sorted((first, second))
    assert ordered[0] <= percentile(ordered, low) <= ordered[-1]
    assert percentile(ordered, low) <= percentile(ordered, high) + 1e-6


@given(VALUES, st.randoms())
def test_spread_does_not_depend_on_order(values, rng):
    shuffled = list(values)
    rng.shuffle(shuffled)
    assert spread_of(values) == spread_of(shuffled)


@given(VALUES)
def test_spread_is_ordered(values):
    spread = spread_of(values)
    assert spread.n == len(values)
    assert spread.p50 <= spread.p90 + 1e-6
    assert spread.p90 <= spread.p99 + 1e-6
    assert spread.p99 <= spread.max == max(values)
    assert min(values) - 1e-6 <= spread.mean <= max(values) + 1e-6


def test_nothing_has_no_spread():
    assert spread_of([]) is None
