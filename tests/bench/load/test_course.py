"""What a level does: its times, its conversations, what of them is warm-up; from the same seed the same."""

from __future__ import annotations

from itertools import count

import pytest
from bench_asks import conversations
from virtual_time import NS

from zephyr_deploy.bench.load.course import measured_course, warmup_course
from zephyr_deploy.bench.loads import Closed, Open, Ramp, Replay
from zephyr_deploy.bench.prompts.traces import Arrival
from zephyr_deploy.bench.spec import BenchSpec

EVEN = Open(rate_per_s=10, arrivals="constant")
TRACE = [Arrival(0.0, 10, 5), Arrival(1.5, 20, 6), Arrival(4.0, 30, 7)]


def talks(series, arrivals=None):
    if arrivals is not None:
        return conversations(f"{series} {arrival.prompt_tokens}" for arrival in arrivals)
    return conversations(f"{series} {n}" for n in count())


def course(load, **spec):
    return measured_course(BenchSpec(**spec), load, talks, "s", lambda replay: TRACE)


def test_a_closed_loop_has_workers_and_an_end():
    some = course(Closed(concurrency=3), requests=5)
    assert (some.workers, some.starts_ns, some.total, len(list(some.conversations))) == (3, None, 5, 5)
    timed = course(Closed(concurrency=3), duration_s=9)
    assert (timed.total, timed.seconds) == (None, 9)


def test_the_warm_up_of_a_rate_runs_into_what_is_measured():
    counted = course(EVEN, requests=5, warmup=3)
    assert list(counted.starts_ns) == [number * NS // 10 for number in range(8)]
    assert (counted.warmup, counted.total) == (3, 8)
    timed = course(EVEN, duration_s=2, warmup=3)
    assert (timed.warmup, timed.total) == (3, 23)
    assert len(list(timed.conversations)) == 23
    usual = course(EVEN)
    assert (usual.warmup, usual.total) == (20, 320)


@pytest.mark.parametrize(
    ("load", "expected"), [(EVEN, 1), (Closed(concurrency=3), 3), (Ramp(from_per_s=1, to_per_s=2), 1)]
)
def test_before_it_something_is_sent_and_waited_for(load, expected):
    before = warmup_course(BenchSpec(), load, talks, "s")
    assert (before.starts_ns, len(list(before.conversations))) == (None, expected)
    assert list(warmup_course(BenchSpec(warmup=0), load, talks, "s").conversations) == []


def test_the_seed_gives_the_times():
    def times(**spec):
        return list(course(Open(rate_per_s=10), **spec).starts_ns)

    assert times() == times()
    assert times() != times(seed=1)


def test_a_ramp_of_so_many_requests_takes_as_long_as_they_need():
    ramp = Ramp(from_per_s=5, to_per_s=15)
    assert course(ramp, requests=400).starts_ns[-1] / NS == pytest.approx(40, rel=0.2)
    assert course(ramp, duration_s=40).total == pytest.approx(400, rel=0.2)


def test_a_replay_has_the_times_and_lengths_of_its_trace():
    replay = course(Replay(file="x", speed=2))
    assert list(replay.starts_ns) == [0, 0.75 * NS, 2 * NS]
    assert [turn.text for (turn,) in replay.conversations] == ["s/measured 10", "s/measured 20", "s/measured 30"]
    assert course(Replay(file="x"), requests=2).total == 2
    assert course(Replay(file="x"), duration_s=3).total == 2
