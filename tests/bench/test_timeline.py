from __future__ import annotations

import random

import pytest
from bench.simulated import answer, closed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zephyr_deploy.bench.figures import record_of
from zephyr_deploy.bench.timeline import blocks, timeline_of


def records(*sent_ms, **times):
    return [record_of(answer(random.Random(n), n, at, **times), 0) for n, at in enumerate(sent_ms)]


def test_what_is_in_each_step():
    # sent at 0 and 500, each with two tokens about 50 and 550 ms later
    log = [one.model_copy(update={"ttft_ms": 50.0, "gaps_us": (500_000,)}) for one in records(0, 500, tokens=2)]
    log = [one.model_copy(update={"ended_ms": end}) for one, end in zip(log, (550.0, 1050.0), strict=True)]
    found = timeline_of(log, steps=10)
    assert found.step_ms == 105
    assert found.tokens == [1, 0, 0, 0, 0, 2, 0, 0, 0, 1]
    assert found.answers == [0, 0, 0, 0, 0, 1, 0, 0, 0, 1]
    assert found.under_way == pytest.approx([1, 1, 1, 1, 1 + 25 / 105, 1 + 25 / 105, 1, 1, 1, 1])
    assert found.last_begun_ms == 500
    assert found.rate(found.tokens, 5, 10) == pytest.approx(3 / 0.525)


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 1000), st.integers(1, 9), st.integers(1, 400))
def test_nothing_is_lost(seed, workers, steps):
    level = closed(seed, workers=workers, requests=20)
    found = timeline_of(level.log, steps)
    assert sum(found.tokens) == sum(record.output_tokens for record in level.log)
    assert sum(found.answers) == 20
    busy = sum(record.ended_ms - record.sent_ms for record in level.log)
    assert sum(found.under_way) * found.step_ms == pytest.approx(busy)
    assert max(found.under_way) <= workers + 1e-6


def test_events_of_several_tokens_count_for_so_many():
    one = records(0, tokens=3)[0].model_copy(update={"output_tokens": 9, "gap_tokens": (4, 4)})
    assert sum(timeline_of([one]).tokens) == 9


@pytest.mark.parametrize("gap_tokens", [(), (2,) * 2000])
def test_gaps_that_are_longer_by_rounding_than_the_level_are_of_its_last_step(gap_tokens):
    """2,000 gaps of 1.5 us, as of an answer that came whole and was stamped as it was read."""
    whole = {"ttft_ms": 1.0, "ended_ms": 4.0, "gaps_us": (2,) * 2000, "gap_tokens": gap_tokens}
    one = records(0)[0].model_copy(update={**whole, "output_tokens": 1 + 2000 * (2 if gap_tokens else 1)})
    found = timeline_of([one], steps=10)
    assert (len(found.tokens), sum(found.tokens)) == (10, one.output_tokens)


def test_failed_ones_are_under_way_and_deliver_nothing():
    log = [one.model_copy(update={"failure": "broken"}) for one in records(0, 100)]
    found = timeline_of(log)
    assert (sum(found.tokens), sum(found.answers)) == (0, 0)
    assert sum(found.under_way) > 0


def test_nothing_was_sent():
    assert timeline_of([one.model_copy(update={"sent_ms": None}) for one in records(0)]) is None
    assert timeline_of([]) is None


def test_blocks_are_whole():
    assert blocks([1, 2, 3, 4, 5], 2) == [3, 7]
    assert blocks([1], 2) == []
