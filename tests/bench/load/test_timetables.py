"""Timetables: their mean rate, their order, their seeds, and that even ones are exact."""

from __future__ import annotations

import statistics
from itertools import islice, pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zephyr_deploy.bench.load import timetables

RATES = st.floats(0.1, 5000)
SEEDS = st.integers(0, 2**32)
MANY = 2000


def poisson(rate, seed):
    return timetables.poisson(rate, Random(seed))


def bursty(rate, seed, shape=0.5):
    return timetables.bursty(rate, shape, Random(seed))


def ramp(rate, seed):
    return timetables.ramp(rate / 2, rate * 1.5, MANY / rate, Random(seed))


@given(RATES)
@settings(max_examples=15)
def test_constant_is_exact_to_the_nanosecond(rate):
    found = timetables.in_ns(islice(timetables.constant(rate), MANY))
    assert all(abs(at - number * 1e9 / rate) <= 1 for number, at in enumerate(found))


def test_constant_does_not_drift():
    (last,) = timetables.in_ns([next(islice(timetables.constant(3), 300_000, None))])
    assert last == 100_000 * 10**9


@pytest.mark.parametrize("kind", [poisson, bursty, ramp])
@given(rate=RATES, seed=SEEDS)
@settings(max_examples=15)
def test_times_ascend_at_the_mean_rate_and_are_the_seeds(kind, rate, seed):
    times = list(islice(kind(rate, seed), MANY))
    assert all(0 <= earlier <= later for earlier, later in pairwise(times))
    assert list(islice(kind(rate, seed), MANY)) == times
    assert list(islice(kind(rate, seed + 1), MANY)) != times
    # six standard deviations of the sum of that many gaps; a gamma's of shape 0.5 are sqrt(2) times a Poisson's
    expected = MANY / rate
    assert len(times) / max(times[-1], expected if kind is ramp else 0) == pytest.approx(rate, rel=6 * 1.5 / MANY**0.5)


@pytest.mark.parametrize("shape", [0.25, 1, 4])
def test_the_gaps_of_bursty_arrivals_vary_as_the_gamma_distribution_does(shape):
    times = list(islice(timetables.bursty(10, shape, Random(7)), 20_000))
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert statistics.stdev(gaps) / statistics.mean(gaps) == pytest.approx(shape**-0.5, rel=0.05)


@pytest.mark.parametrize(("start", "end"), [(10, 30), (30, 10), (20, 20)])
def test_a_ramp_has_its_rate_at_every_time(start, end):
    times = list(timetables.ramp(start, end, 600, Random(3)))
    assert len(times) == pytest.approx(600 * 20, rel=0.05)
    assert all(0 < at <= 600 for at in times)
    for tenth in range(10):
        here = [at for at in times if 60 * tenth <= at < 60 * (tenth + 1)]
        assert len(here) == pytest.approx(60 * (start + (end - start) * (tenth + 0.5) / 10), rel=0.2)
