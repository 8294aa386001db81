"""The definitions, word for word, on samples written by hand."""

from __future__ import annotations

import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zephyr_deploy.bench.figures import counted_by, level_of
from zephyr_deploy.bench.loads import Closed, Open
from zephyr_deploy.bench.sample import Events, Sample, TokenEvent
from zephyr_deploy.bench.selfcheck import check
from zephyr_deploy.bench.spec import BenchSpec
from zephyr_deploy.bench.stats import spread_of
from zephyr_deploy.bench.times import e2e_ms, e2e_sched_ms, itl_ms, late_ms, tpot_ms, ttft_ms, ttft_sched_ms
from zephyr_deploy.bench.watch import LoopWatch, watch_loop

MS = 1_000_000


def sample(at_ms, tokens=None, generated=None):
    tokens = tokens or [None] * len(at_ms)
    events = [TokenEvent(int(at * MS), count) for at, count in zip(at_ms, tokens, strict=True)]
    return Sample(taken_ns=0, sent_ns=5 * MS, events=Events(events), generated_tokens=generated, ended_ns=900 * MS)


def test_definitions():
    one = sample([55, 75, 115], tokens=[1, 1, 4], generated=6)
    assert ttft_ms(one) == 50
    assert list(itl_ms(one)) == [20, 10]
    assert tpot_ms(one) == 12
    assert e2e_ms(one) == 110


def test_unknown_counts_are_one_token_an_event():
    one = sample([10, 20, 40])
    assert list(itl_ms(one)) == [10, 20]
    assert tpot_ms(one) == 15
    assert one.tokens == 3


@pytest.mark.parametrize("one", [sample([30]), sample([30], generated=9), Sample(taken_ns=0), sample([])])
def test_one_event_or_none_has_no_gap(one):
    assert tpot_ms(one) is None
    assert not list(itl_ms(one))


def test_an_answer_without_tokens_has_no_time_to_one():
    assert ttft_ms(sample([])) is None
    assert e2e_ms(sample([])) is None


def test_latency_counts_from_the_planned_time_as_well():
    one = sample([55, 75, 115])
    one.due_ns = 2 * MS
    assert (ttft_ms(one), ttft_sched_ms(one), e2e_sched_ms(one), late_ms(one)) == (50, 53, 113, 3)
    without = sample([55])
    assert ttft_sched_ms(without) is e2e_sched_ms(without) is late_ms(without) is None


def test_a_request_that_was_never_sent_is_late_by_nothing():
    never = Sample(taken_ns=0, due_ns=0, ended_ns=9)
    assert ttft_sched_ms(never) is e2e_sched_ms(never) is late_ms(never) is None


def test_who_counted():
    by_server, by_us = sample([1, 2], generated=2), sample([1, 2])
    assert counted_by([by_server]) == "server"
    assert counted_by([by_us]) == "events"
    assert counted_by([by_us, by_server]) == "mixed"


@given(st.lists(st.floats(0.001, 1e4), min_size=2, max_size=50))
def test_gaps_and_tpot_add_up_to_the_same_time(gaps):
    at = [100.0]
    for gap in gaps:
        at.append(at[-1] + gap)
    one = sample(at)
    assert sum(itl_ms(one)) == pytest.approx(tpot_ms(one) * len(gaps), abs=1e-3)
    assert ttft_ms(one) + sum(itl_ms(one)) == pytest.approx(e2e_ms(one), abs=1e-3)


def test_a_level_of_nothing_is_all_none_and_zero():
    level = level_of(Closed(concurrency=1), [], [], LoopWatch(), None)
    assert (level.requests, level.seconds, level.output_tokens_per_s, level.ttft_ms) == (0, 0, 0, None)


def judged(lag_ms, cpu_share=0.1, ttft=100.0, itl=20.0):
    return check(LoopWatch(lag_ms, cpu_share, seconds=2), [], ttft=spread_of([ttft]), itl=spread_of([itl]), e2e=None)


@pytest.mark.parametrize(
    ("watch", "verdict"),
    [
        (judged([1.0] * 100), "ok"),
        (judged([2.9] * 100), "ok"),
        (judged([0.1] * 90 + [20.0] * 10), "noisy"),
        (judged([3.1] * 100), "client_bottleneck"),
        (judged([0.1] * 100, cpu_share=0.95), "client_bottleneck"),
        (judged([]), "ok"),
    ],
)
def test_verdict(watch, verdict):
    assert watch.verdict == verdict
    assert bool(watch.reason) == (verdict != "ok")


def stamped(*events, sent_ms=0.1, generated=None):
    """A sample taken at 0 and sent at ``sent_ms``; ``events`` are pairs of arrival and lag in ms."""
    seen = [TokenEvent(int(at * MS), None, None if lag is None else int(lag * MS)) for at, lag in events]
    return Sample(taken_ns=0, sent_ns=int(sent_ms * MS), events=Events(seen))


def judged_by_stamps(*samples, lag_ms=(30.0,) * 100, cpu_share=0.1):
    spreads = {"ttft": spread_of([100.0]), "itl": spread_of([20.0]), "e2e": spread_of([280.0])}
    return check(LoopWatch(list(lag_ms), cpu_share, seconds=2), samples, **spreads)


GOOD = [(100 + 20 * n, 5.0) for n in range(10)]
TOGETHER = [*GOOD[:8], (300.0, 25.0), (300.0, 25.0)]


def test_with_the_kernels_stamps_a_late_loop_spoils_nothing():
    found = judged_by_stamps(stamped(*GOOD))
    assert (found.verdict, found.reason, found.stamped_share, found.doubt_share) == ("ok", "", 1.0, 0.0)
    assert (found.read_lag_ms.p50, found.send_late_ms.p50, found.lag_max_ms) == (5.0, 0.1, 30.0)


@pytest.mark.parametrize(
    ("samples", "verdict", "said"),
    [
        ([stamped(*TOGETHER)], "noisy", "10.0%"),
        ([stamped(*TOGETHER), *[stamped(*GOOD)] * 10], "ok", ""),
        # Several at once and read in time: so the server sent them.
        ([stamped(*GOOD, (300.0, 0.1), (300.0, 0.1))], "ok", ""),
        ([stamped(*GOOD, sent_ms=29.0)], "client_bottleneck", "29 ms late"),
        ([stamped(*GOOD, sent_ms=27.0)], "ok", ""),
        ([*[stamped(*GOOD)] * 9, stamped(*GOOD, sent_ms=90.0)], "noisy", "sent up to 81.9 ms late"),
        ([stamped(*GOOD[:5], *((at, None) for at, _ in GOOD[5:]))], "client_bottleneck", "30 ms late"),
    ],
)
def test_verdict_by_stamps(samples, verdict, said):
    found = judged_by_stamps(*samples)
    assert found.verdict == verdict
    assert said in found.reason


def test_a_new_connection_is_not_lateness():
    one = stamped(*GOOD, sent_ms=9.0)
    one.connect_ns = int(8.9 * MS)
    assert judged_by_stamps(one).send_late_ms.p50 == pytest.approx(0.1)


@pytest.mark.parametrize(("late_ms", "verdict"), [(9.0, "ok"), (11.0, "client_bottleneck")])
def test_a_timetable_is_kept_to_a_tenth_of_ttft(late_ms, verdict):
    one = stamped(*GOOD, sent_ms=late_ms)
    one.due_ns = 0
    assert judged_by_stamps(one).verdict == verdict


def test_a_level_of_less_than_a_second_shows_no_busy_client():
    figures = {"ttft": spread_of([100.0]), "itl": spread_of([20.0]), "e2e": spread_of([280.0])}
    assert check(LoopWatch([0.1], 0.95, seconds=0.5), [], **figures).verdict == "ok"


def test_the_busiest_client_is_the_bottleneck_whatever_the_stamps_say():
    assert judged_by_stamps(stamped(*GOOD), cpu_share=0.95).verdict == "client_bottleneck"


def test_a_blocked_loop_is_seen():
    async def block():
        async with watch_loop() as watch:
            await asyncio.sleep(0.02)
            time.sleep(0.2)  # noqa: ASYNC251 - the very fault to be found
            await asyncio.sleep(0.02)
        return watch

    assert max(asyncio.run(block()).lags_ms) > 150


def test_spec_takes_one_end_only():
    with pytest.raises(ValueError, match="not both"):
        BenchSpec(requests=3, duration_s=1)
    one, many, even = Closed(concurrency=1), Closed(concurrency=16), Open(rate_per_s=5)
    assert [BenchSpec(duration_s=1).requests_at(load) for load in (one, even)] == [None, None]
    assert [BenchSpec().requests_at(load) for load in (one, many, even)] == [32, 128, None]
    assert [BenchSpec().seconds_at(load) for load in (one, many, even)] == [None, None, 30]
    assert BenchSpec(requests=9).seconds_at(even) is None
    assert [BenchSpec().warmup_at(load) for load in (many, even)] == [16, 10]
    assert BenchSpec(warmup=0).warmup_at(many) == 0
