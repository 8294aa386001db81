from __future__ import annotations

import random

import pytest
from bench.simulated import closed, opened

from zephyr_deploy.bench.loads import Closed, Ramp
from zephyr_deploy.bench.steady import drift, steady_of, warm_up

SEEDS = range(5)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_closed_loop_is_steady_until_its_last_request_begins(seed):
    level = closed(seed, workers=8, requests=120)
    steady = level.steady
    assert steady.reached
    assert steady.to_ms == pytest.approx(max(record.sent_ms for record in level.log), abs=50)
    assert steady.from_ms < steady.to_ms / 2 + 200
    # what runs out at the end is in the rate of the whole, and not in this one
    assert steady.output_tokens_per_s > level.output_tokens_per_s
    assert steady.output_tokens_per_s == pytest.approx(8 * 20 / 0.43, rel=0.05)
    assert steady.share == pytest.approx((steady.to_ms - steady.from_ms) / 1000 / level.seconds, abs=0.01)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_slow_start_is_left_out(seed):
    level = closed(seed, workers=8, requests=160, slower=lambda at: 4 if at < 2000 else 1)
    assert 1500 < level.steady.from_ms < 5000
    assert level.steady.output_tokens_per_s > 1.15 * level.output_tokens_per_s


@pytest.mark.parametrize("seed", SEEDS)
def test_what_becomes_slower_and_slower_is_not_steady(seed):
    steady = closed(seed, workers=8, requests=160, slower=lambda at: 1 + at / 2000).steady
    assert (steady.reached, steady.from_ms, steady.share) == (False, None, 0.0)
    assert "still changing" in steady.reason


@pytest.mark.parametrize("seed", SEEDS)
def test_a_timetable_is_steady_once_requests_have_met(seed):
    steady = opened(seed, rate_per_s=8, requests=200).steady
    assert steady.reached
    assert steady.requests_per_s == pytest.approx(8, rel=0.25)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_timetable_that_the_server_cannot_keep_up_with_is_not_steady(seed):
    assert "does not keep up" in opened(seed, rate_per_s=40, requests=200).steady.reason


def test_too_few():
    assert "too short" in closed(1, workers=8, requests=16).steady.reason


def test_a_ramp_never_is():
    assert "all the time" in steady_of(Ramp(from_per_s=1, to_per_s=9), None, ()).reason


def test_nothing_was_answered():
    assert steady_of(Closed(concurrency=1), None, ()).reason == "Nothing was answered."


@pytest.mark.parametrize(("high", "left_out"), [(0, 0), (10, 10), (40, 40), (50, 50)])
def test_warm_up_is_where_the_level_changes(high, left_out):
    rng = random.Random(1)
    series = [rng.gauss(300 if place < high else 100, 5) for place in range(200)]
    found = warm_up(series)
    assert left_out <= found <= left_out + 60


def test_warm_up_of_a_constant_is_nothing():
    assert warm_up([4.0] * 100) == 0
    assert warm_up([4.0] * 29) is None


def test_drift_is_told_from_chance():
    rng = random.Random(2)
    noise = [rng.gauss(100, 30) for _ in range(200)]
    assert drift(noise) == 0.0
    assert drift([value + place for place, value in enumerate(noise)]) == pytest.approx(100, rel=0.2)
    assert drift([value + 200 - place for place, value in enumerate(noise)]) < 0
    assert drift([1.0, 100.0]) == 0.0
