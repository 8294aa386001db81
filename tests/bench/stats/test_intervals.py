"""How often intervals hold the truth, by simulation, and what a brute-force bootstrap says of the same data."""

from __future__ import annotations

import math
import random
from statistics import NormalDist, fmean, stdev

import pytest

from zephyr_deploy.bench.stats import intervals, percentile, spread_by_request
from zephyr_deploy.bench.stats.intervals import inflation, interval_of_mean, interval_of_share, ranks, student

SPREAD = 0.5
POINTS = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
TRUTH = {
    "mean": math.exp(SPREAD**2 / 2),
    **{name: math.exp(SPREAD * NormalDist().inv_cdf(share)) for name, share in POINTS.items()},
}
TRIALS = 200
LEAST, MOST = 0.90, 0.995
"""Of 200 intervals with 95 % confidence, 180 or fewer hold the truth once in 500 such tests."""


def alone(rng, requests):
    return [[math.exp(SPREAD * rng.gauss(0, 1))] for _ in range(requests)]


def together(rng, requests, gaps=20, share=0.3):
    """Gaps of one request have part of their variance in common."""
    return [
        [math.exp(SPREAD * (math.sqrt(share) * own + math.sqrt(1 - share) * rng.gauss(0, 1))) for _ in range(gaps)]
        for own in (rng.gauss(0, 1) for _ in range(requests))
    ]


def in_a_row(rng, requests, alike=0.7):
    """Each request is like the one before, as where a queue builds up."""
    state, found = rng.gauss(0, 1), []
    for _ in range(requests):
        state = alike * state + math.sqrt(1 - alike**2) * rng.gauss(0, 1)
        found.append([math.exp(SPREAD * state)])
    return found


@pytest.mark.parametrize(
    ("make", "requests", "names"),
    [
        (alone, 40, ("mean", "p50", "p90")),
        (alone, 400, ("mean", "p50", "p90", "p95", "p99")),
        (together, 60, ("mean", "p50", "p90", "p95", "p99")),
        (in_a_row, 500, ("mean", "p50", "p90")),
    ],
)
def test_intervals_hold_the_truth_as_often_as_they_say(make, requests, names):
    held = dict.fromkeys(names, 0)
    told = dict.fromkeys(names, 0)
    for seed in range(TRIALS):
        intervals = spread_by_request(make(random.Random(seed), requests)).intervals
        for name in names:
            if name in intervals:
                low, high = intervals[name]
                told[name] += 1
                held[name] += low <= TRUTH[name] <= high
    assert all(count > TRIALS / 2 for count in told.values())
    for name in names:
        assert LEAST <= held[name] / told[name] <= MOST, (name, held, told)


def test_values_that_are_alike_are_not_counted_as_independent():
    """Without the dependence the same intervals would hold far less often: the test above can fail."""
    rng = random.Random(7)
    groups = in_a_row(rng, 500)
    shuffled = rng.sample(groups, len(groups))
    (low, high), (low_alone, high_alone) = (spread_by_request(order).intervals["mean"] for order in (groups, shuffled))
    assert (high - low) / (high_alone - low_alone) > 1.7
    assert inflation([group[0] - TRUTH["mean"] for group in shuffled]) < 1.3


def drawn(rng, groups, figure, times=400):
    """The plain bootstrap: requests drawn with replacement."""
    return sorted(
        figure([value for group in rng.choices(groups, k=len(groups)) for value in group]) for _ in range(times)
    )


@pytest.mark.parametrize("make", [alone, together])
@pytest.mark.parametrize(
    ("name", "figure"),
    [
        ("mean", fmean),
        ("p50", lambda values: percentile(sorted(values), 50)),
        ("p90", lambda values: percentile(sorted(values), 90)),
    ],
)
def test_the_closed_form_says_what_drawing_says(make, name, figure):
    rng = random.Random(11)
    groups = make(rng, 100)
    low, high = spread_by_request(groups).intervals[name]
    draws = drawn(rng, groups, figure)
    width = percentile(draws, 97.5) - percentile(draws, 2.5)
    assert abs(low - percentile(draws, 2.5)) < 0.25 * width
    assert abs(high - percentile(draws, 97.5)) < 0.25 * width


def test_the_interval_of_a_mean_is_that_of_the_studentized_bootstrap():
    """Which leans to the long tail."""
    rng = random.Random(5)
    values = [math.exp(rng.gauss(0, 0.8)) for _ in range(60)]
    low, high = interval_of_mean(values, [1] * 60)
    mean, error = fmean(values), stdev(values) / math.sqrt(60)
    draws = [rng.choices(values, k=60) for _ in range(1500)]
    ts = sorted((fmean(draw) - mean) / (stdev(draw) / math.sqrt(60)) for draw in draws)
    assert low == pytest.approx(mean - percentile(ts, 97.5) * error, abs=0.2 * error)
    assert high == pytest.approx(mean - percentile(ts, 2.5) * error, abs=0.4 * error)
    assert high - mean > 1.2 * (mean - low)


@pytest.mark.parametrize(
    ("values", "share", "bounds"),
    [
        # by the tables of distribution-free intervals (Conover 1999, table A3 of the binomial distribution)
        (10, 0.5, (0.2, 0.9)),
        (20, 0.5, (6 / 20, 15 / 20)),
        (5, 0.5, None),
        (35, 0.9, None),
    ],
)
def test_ranks(values, share, bounds):
    assert ranks(values, share, 0.95) == (None if bounds is None else pytest.approx(bounds))


def test_ranks_of_very_many():
    low, high = ranks(1_000_000, 0.99, 0.95)
    reach = 1.96 * math.sqrt(0.99 * 0.01 / 1_000_000)
    assert (low, high) == (pytest.approx(0.99 - reach, abs=2e-6), pytest.approx(0.99 + reach, abs=2e-6))


@pytest.mark.parametrize(("freedom", "t"), [(4, 2.776), (7, 2.365), (29, 2.045), (1000, 1.962)])
def test_student(freedom, t):
    assert student(freedom, 0.95) == pytest.approx(t, rel=0.005)


def test_a_share_of_all_or_none_is_not_certain():
    assert interval_of_share([True] * 100) == (pytest.approx(0.963, abs=0.001), 1.0)
    assert interval_of_share([False] * 100) == (0.0, pytest.approx(0.037, abs=0.001))
    assert interval_of_share([True] * 7) is None
    in_turn, in_a_block = [True, False] * 50, [True] * 50 + [False] * 50
    widths = [high - low for low, high in map(interval_of_share, (in_turn, in_a_block))]
    assert widths[1] > 2 * widths[0]


@pytest.mark.parametrize(("sums", "sizes"), [([1.0] * 7, [1] * 7), ([0.0] * 9, [0] * 9)])
def test_no_mean_of_too_few_or_of_nothing(sums, sizes):
    assert interval_of_mean(sums, sizes) is None


def test_a_queue_that_grows_all_the_time_takes_no_quadratic_time(monkeypatch):
    """Every lag is beyond chance up to a third of them; the figure is that of all lags one by one."""
    rng, count, products = random.Random(9), 4000, 0

    def counted(a, b):
        nonlocal products
        products += 1
        return a * b

    growing = [10 * place / count + rng.random() for place in range(count)]
    residuals = [value - fmean(growing) for value in growing]
    monkeypatch.setattr(intervals, "LAGS", count)
    one_by_one = inflation(residuals)
    monkeypatch.undo()
    monkeypatch.setattr(intervals, "mul", counted)
    assert inflation(residuals) == pytest.approx(one_by_one, rel=0.01)
    assert products < 3 * intervals.LAGS * count
