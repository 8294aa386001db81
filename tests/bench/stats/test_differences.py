from __future__ import annotations

import math
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zephyr_deploy.bench.stats import spread_by_request
from zephyr_deploy.bench.stats.differences import chance_of_more, difference, ratio

IN_PEACE = settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
"""A busy machine is no fault of what is tested."""


def test_by_hand():
    """Newcombe (1998), the example of his method 10: 56/70 against 48/80, by the limits of each."""
    low, high = difference(0.6, (0.4905, 0.7004), 0.8, (0.6922, 0.8774))
    assert (low, high) == (pytest.approx(0.0527, abs=0.001), pytest.approx(0.3343, abs=0.001))


@IN_PEACE
@given(st.floats(0.1, 100), st.floats(0.1, 100), st.floats(0, 5), st.floats(0, 5))
def test_holds_the_difference_and_turns_round(a, b, below, above):
    of_a, of_b = (a - below, a + above), (b - below, b + above)
    low, high = difference(a, of_a, b, of_b)
    assert low <= b - a <= high
    assert difference(b, of_b, a, of_a) == (pytest.approx(-high), pytest.approx(-low))


def test_ratio():
    assert ratio(10, (8, 12.5), 20, (20, 20)) == (pytest.approx(1.6), pytest.approx(2.5))
    assert ratio(10, (0, 20), 20, (10, 30)) is None


@IN_PEACE
@given(st.lists(st.integers(0, 9), min_size=1, max_size=20), st.lists(st.integers(0, 9), min_size=1, max_size=20))
def test_chance_of_more_counts_pairs(a, b):
    pairs = [(y > x) + (y == x) / 2 for x in a for y in b]
    assert chance_of_more(a, b) == pytest.approx(sum(pairs) / len(pairs))


def test_chance_of_more_of_nothing():
    assert chance_of_more([], [1.0]) is None


def test_differences_of_two_samples_of_the_same_are_seldom_real_and_true_ones_are_found():
    def sample(rng, factor):
        return spread_by_request([[factor * math.exp(0.3 * rng.gauss(0, 1))] for _ in range(400)])

    wrong = found = 0
    for seed in range(80):
        rng = random.Random(seed)
        one, same, slower = sample(rng, 100), sample(rng, 100), sample(rng, 110)
        for other, expected in ((same, False), (slower, True)):
            low, high = difference(one.p50, one.intervals["p50"], other.p50, other.intervals["p50"])
            real = low > 0 or high < 0
            wrong += real and not expected
            found += low > 0 and expected
    assert wrong <= 8
    assert found >= 64
