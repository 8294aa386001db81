"""How often the intervals of a level's rates hold what the same load does on average."""

from __future__ import annotations

from statistics import fmean

import pytest
from bench.simulated import closed, opened

from zephyr_deploy.bench.loads import Closed
from zephyr_deploy.bench.rates import intervals_of_rates

TRIALS = range(60)


@pytest.mark.parametrize(
    "levels",
    [
        pytest.param([closed, 4, 32], id="few requests, whose end weighs much"),
        pytest.param([closed, 16, 96], id="more at once"),
        pytest.param([opened, 8, 100], id="a timetable"),
    ],
)
def test_hold_the_mean_rate(levels):
    make, *arguments = levels
    found = [make(seed, *arguments) for seed in TRIALS]
    for rate in ("output_tokens_per_s", "requests_per_s"):
        truth = fmean(getattr(level, rate) for level in found)
        held = 0
        for level in found:
            low, high = level.intervals[rate]
            assert low <= getattr(level, rate) <= high
            held += low <= truth <= high
        assert held >= 0.86 * len(found), (rate, held)


def test_are_narrow_enough_to_be_of_use():
    level = closed(1, workers=8, requests=256, tokens=16)
    low, high = level.intervals["output_tokens_per_s"]
    assert high - low < 0.05 * level.output_tokens_per_s


def test_too_few():
    assert closed(1, workers=2, requests=6).intervals == {}
    assert intervals_of_rates(Closed(concurrency=1), None, (), {"requests_per_s": 0.0}) == {}
