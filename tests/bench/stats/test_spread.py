from __future__ import annotations

import math
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zephyr_deploy.bench.stats import percentile, spread_by_request, spread_of

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


GROUPS = st.lists(st.lists(st.floats(min_value=0.001, max_value=1e6), min_size=0, max_size=6), min_size=1, max_size=60)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(GROUPS)
def test_intervals_hold_their_figure_and_widen_with_confidence(groups):
    spread = spread_by_request(groups)
    if spread is None:
        assert not any(groups)
        return
    values = [value for group in groups for value in group]
    assert spread.model_copy(update={"intervals": {}}) == spread_of(values)
    surer = spread_by_request(groups, confidence=0.99)
    for name, (low, high) in surer.intervals.items():
        inner = spread.intervals[name]
        figure = getattr(spread, name)
        assert low <= inner[0] * (1 + 1e-9)
        assert inner[0] <= figure <= inner[1]
        assert inner[1] <= high * (1 + 1e-9)
    assert spread.intervals.keys() >= surer.intervals.keys()


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(GROUPS, st.randoms(), st.sampled_from([0.25, 2.0, 1024.0]))
def test_intervals_scale_and_do_not_depend_on_the_order_within_a_request(groups, rng, factor):
    other = [rng.sample(group, len(group)) for group in groups]
    assert spread_by_request(other) == spread_by_request(groups)
    scaled = spread_by_request([[value * factor for value in group] for group in groups])
    if scaled is None:
        return
    for name, (low, high) in spread_by_request(groups).intervals.items():
        assert scaled.intervals[name] == pytest.approx((low * factor, high * factor), rel=1e-6)


@pytest.mark.parametrize(
    ("requests", "told"),
    [
        (5, set()),
        (7, {"p50"}),
        (35, {"mean", "p50"}),
        (36, {"mean", "p50", "p90"}),
        (72, {"mean", "p50", "p90", "p95"}),
        (367, {"mean", "p50", "p90", "p95"}),
        (368, {"mean", "p50", "p90", "p95", "p99"}),
    ],
)
def test_too_few_requests_have_no_interval(requests, told):
    values = random.Random(3).sample(range(10_000), requests)
    assert spread_by_request([[value] for value in values]).intervals.keys() == told


@pytest.mark.parametrize(
    ("requests", "name", "places"),
    [
        # by binomial probabilities; 28 / 41 * 41 is a little more than 28, and 31 / 39 * 39 a little less than 31
        (41, "p50", (14, 28)),
        (39, "p90", (31, 39)),
        (20, "p50", (6, 15)),
    ],
)
def test_the_bounds_of_a_percentile_are_those_values_and_not_their_neighbours(requests, name, places):
    found = spread_by_request([[float(place)] for place in random.Random(1).sample(range(1, requests + 1), requests)])
    assert found.intervals[name] == places


def test_many_gaps_of_few_requests_do_not_make_up_for_requests():
    rng = random.Random(4)
    alike = [[rng.gauss(mean, 0.1) for _ in range(100)] for mean in rng.sample(range(10, 40), 12)]
    mixed = [rng.sample([gap for group in alike for gap in group], 100) for _ in alike]
    (low, high), (low_mixed, high_mixed) = (spread_by_request(groups).intervals["mean"] for groups in (alike, mixed))
    assert high - low > 4 * (high_mixed - low_mixed)
    assert "p99" not in spread_by_request(alike).intervals
    assert "p99" in spread_by_request(mixed).intervals


@pytest.mark.parametrize(("requests", "told"), [(1, set()), (2, set()), (5, set()), (7, {"p50"})])
def test_gaps_of_too_few_requests_have_no_interval_however_many_they_are(requests, told):
    rng = random.Random(6)
    groups = [[rng.gauss(20, 1) for _ in range(64)] for _ in range(requests)]
    assert spread_by_request(groups).intervals.keys() == told


def test_one_value_all_over_is_known_exactly():
    assert set(spread_by_request([[20.0]] * 400).intervals.values()) == {(20.0, 20.0)}
