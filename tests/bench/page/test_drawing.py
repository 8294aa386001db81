"""Axes, lanes, rates and histograms of a report's page."""

from __future__ import annotations

from itertools import pairwise

import pytest
from bench.simulated_reports import one_record, simulated
from hypothesis import given, settings
from hypothesis import strategies as st

from zephyr_deploy.bench.page.distributions import distributions
from zephyr_deploy.bench.page.lanes import began_ms, lanes_of
from zephyr_deploy.bench.page.numbers import coordinate, short, time
from zephyr_deploy.bench.page.scales import fitted, linear, logarithmic, until
from zephyr_deploy.bench.page.timeline import MOST_STEPS, in_flight, timeline, token_rate

above = st.floats(1e-3, 1e6)


@pytest.mark.parametrize(
    ("ms", "text"),
    [(0, "0"), (0.0123, "12.3 µs"), (0.5, "0.5 ms"), (99.96, "100 ms"), (999.6, "1 s"), (61_234, "61.2 s")],
)
def test_times(ms, text):
    assert time(ms) == text


@pytest.mark.parametrize(("value", "text"), [(1234.5, "1,234"), (0, "0"), (0.00012, "0.0001"), (float("nan"), "-")])
def test_numbers(value, text):
    assert short(value) == text


@given(st.floats(-1e9, 1e9))
@settings(max_examples=30)
def test_coordinates_are_short_and_plain(value):
    assert abs(float(coordinate(value)) - value) <= 0.051
    assert "e" not in coordinate(value)


@given(st.lists(above, min_size=1, max_size=9))
@settings(max_examples=40)
def test_an_axis_holds_its_values_and_its_marks_ascend(values):
    scale = fitted(values)
    places = [tick.at for tick in scale.ticks]
    assert places == sorted(places)
    assert all(0 <= place <= 1 + 1e-9 for place in places)
    assert 2 <= len(places) <= 8
    assert scale.low <= min(values)
    assert max(values) <= scale.high * (1 + 1e-9)


def test_axes():
    assert [tick.label for tick in linear(260).ticks] == ["0", "100", "200", "300"]
    assert [tick.label for tick in until(21_000, label=time).ticks] == ["0", "5 s", "10 s", "15 s", "20 s"]
    assert [tick.label for tick in logarithmic(0.9, 1100).ticks] == ["1", "10", "100", "1,000"]
    assert logarithmic(1, 100).at(10) == pytest.approx(0.5)


def test_requests_in_one_lane_do_not_overlap_and_lanes_are_as_few_as_at_once():
    for level in simulated([1, 5, 16], requests=60).levels:
        lanes = lanes_of(level.log)
        assert max(lanes) + 1 == level.concurrency
        for lane in set(lanes):
            mine = sorted((one for one, at in zip(level.log, lanes, strict=True) if at == lane), key=began_ms)
            assert all(one.ended_ms <= began_ms(other) for one, other in pairwise(mine))


def test_under_way_is_the_load_of_a_closed_loop():
    (level,) = simulated([8], requests=64).levels
    length = max(one.ended_ms for one in level.log)
    points = in_flight(level.log, length)
    assert max(many for _, many in points) == 8
    assert points[-1] == (length, 0)


def test_very_many_requests_are_averaged_to_the_same_mean():
    (level,) = simulated([8], requests=MOST_STEPS, tokens=4).levels
    length = max(one.ended_ms for one in level.log)
    points = in_flight(level.log, length)
    mean = sum(many for _, many in points) / len(points)
    busy = sum(one.ended_ms - one.sent_ms for one in level.log) / length
    assert len(points) == MOST_STEPS // 2
    assert mean == pytest.approx(busy, rel=1e-6)


@pytest.mark.parametrize("gaps", [True, False])
def test_token_rates_add_up_to_all_tokens(gaps):
    (level,) = simulated([8], requests=64).levels
    log = level.log if gaps else [one.model_copy(update={"gaps_us": ()}) for one in level.log]
    points = token_rate(log, max(one.ended_ms for one in log))
    slot_s = (points[1][0] - points[0][0]) / 1000
    assert sum(rate for _, rate in points) * slot_s == pytest.approx(sum(one.output_tokens for one in log))


def test_a_request_that_was_never_sent_is_drawn_too():
    import random

    never = one_record(random.Random(1), 0, 5.0, 1, tokens=4)
    never = never.model_copy(update={"sent_ms": None, "ttft_ms": None, "e2e_ms": None, "failure": "unreachable"})
    (level,) = simulated([1], requests=2).levels
    drawn = timeline(level.model_copy(update={"log": (never,)}))
    assert [mark.colour for mark in drawn.charts[0].marks] == ["fail", "fail"]


def test_a_distribution_has_a_row_a_level():
    found = distributions(simulated([1, 4, 16], requests=40))
    assert [one.title for one in found] == ["TTFT", "ITL", "E2E"]
    assert all(len(one.rows) == 3 for one in found)
