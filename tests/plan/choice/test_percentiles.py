"""From the ordinary request to the slow ones."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zephyr_deploy.plan.choice.percentiles import chance, itl_ms, ttft_ms
from zephyr_deploy.plan.speed.prediction import Estimate, Prediction
from zephyr_deploy.plan.workload import Workload


def around(value, share=0.2):
    return Estimate(value=value, low=value / (1 + share), high=value * (1 + share))


def prediction(running=16.0, requests=4.0):
    return Prediction(
        concurrency=running,
        running=running,
        ttft_ms=around(100.0),
        itl_ms=around(30.0),
        output_tokens_per_s=around(500.0),
        requests_per_s=around(requests),
    )


@pytest.mark.parametrize("percentile", ["mean", "p50"])
def test_the_ordinary_request_is_the_prediction(percentile):
    assert ttft_ms(prediction(), 80, percentile) == 100
    assert itl_ms(prediction(), 80, percentile, Workload()) == 30


def test_slow_requests_met_more_prompts_than_others():
    # a quarter of a prompt is under way on average (4 a second of 80 ms: 0.32); its root is 0.566
    assert ttft_ms(prediction(), 80, "p99") == pytest.approx(100 + 2.3263 * 0.5657 * 80, rel=1e-3)
    # 15 others, each with a prompt of 80 ms, three quarters of which is shared among 128 tokens
    assert itl_ms(prediction(), 80, "p90", Workload()) == pytest.approx(30 + 1.2816 * 15**0.5 * 0.75 * 80 / 128)


def test_alone_no_request_is_slower_than_another():
    assert itl_ms(prediction(running=1), 80, "p99", Workload()) == 30


def test_the_limit_that_is_the_prediction_itself_is_met_every_second_time():
    assert chance(around(30), 30, 30) == pytest.approx(0.5)


def test_an_interval_of_four_in_five_leaves_one_in_ten_above_it():
    assert chance(Estimate(value=30, low=24, high=37.5), 30, 37.5) == pytest.approx(0.9, abs=1e-4)


def test_what_is_sure_is_met_or_not():
    sure = Estimate(value=30, low=30, high=30)
    assert (chance(sure, 30, 31), chance(sure, 30, 29)) == (1, 0)


@settings(max_examples=25)
@given(st.floats(1, 1e4), st.floats(1, 1e4), st.floats(0.01, 2))
def test_a_chance_grows_with_the_limit(value, limit, share):
    estimate = around(value, share)
    assert 0 <= chance(estimate, value, limit) <= chance(estimate, value, 1.5 * limit) <= 1
