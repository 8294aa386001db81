"""Sweeps, against a queue in virtual time whose limits are known."""

from __future__ import annotations

import pytest
from bench_asks import conversations
from virtual_time import Queue, VirtualClock, run

from zephyr_deploy.bench.figures import level_of
from zephyr_deploy.bench.load import Board, drive
from zephyr_deploy.bench.load.course import measured_course
from zephyr_deploy.bench.loads import Closed, Open, Sweep
from zephyr_deploy.bench.report import Saturation
from zephyr_deploy.bench.slo import Slo
from zephyr_deploy.bench.spec import BenchSpec
from zephyr_deploy.bench.sweep import KEEPS_UP, kept_up, next_load
from zephyr_deploy.bench.watch import LoopWatch

SPEC = BenchSpec(warmup=0)


def measured(load, queue, spec=SPEC):
    """A level of this load in virtual time."""

    async def inner():
        texts = conversations(f"text {n}" for n in range(100_000))
        course = measured_course(spec, load, lambda *_: texts, str(load), None)
        return await drive(course, queue(), Board(VirtualClock()), deadline_s=600, most=100_000)

    return level_of(load, [], run(inner()), LoopWatch(), None, slo=spec.slo)


def swept(sweep, queue, spec=SPEC):
    levels = []
    while not isinstance(step := next_load(sweep, levels), Saturation):
        levels.append(measured(step, queue, spec))
        assert len(levels) < 30
    return levels, step


def test_concurrency_is_doubled_until_it_only_queues():
    levels, found = swept(Sweep(), lambda: Queue(8, 0.25))
    assert [level.concurrency for level in levels] == [1, 2, 4, 8, 16]
    assert found.found
    assert found.load == Closed(concurrency=8)
    assert found.output_tokens_per_s == pytest.approx(32)
    assert found.why == "From 8 at once to 16 at once throughput grew by 0% and latency by 100%."


def test_it_ends_at_its_limit_and_says_that_the_server_did_more():
    levels, found = swept(Sweep(until=6), lambda: Queue(1000, 0.25))
    assert [level.concurrency for level in levels] == [1, 2, 4]
    assert not found.found
    assert found.load == Closed(concurrency=4)
    assert found.why == "The next load would be beyond 6, and the server still did more."


@pytest.mark.parametrize("arrivals", ["constant", "poisson"])
def test_a_rate_is_doubled_and_then_narrowed_down(arrivals):
    """4 places of 0.2 s are 20 a second."""
    levels, found = swept(
        Sweep(of="rate", arrivals=arrivals), lambda: Queue(4, 0.2), BenchSpec(warmup=0, duration_s=20)
    )
    rates = [level.load.rate_per_s for level in levels]
    assert rates[:6] == [1, 2, 4, 8, 16, 32]
    assert all(16 < rate < 32 for rate in rates[6:])
    assert found.found
    assert 16 <= found.load.rate_per_s < 23
    assert "finished" in found.why


def test_a_first_rate_that_is_too_much_is_halved():
    spec = BenchSpec(warmup=0, duration_s=20)
    levels, found = swept(Sweep(of="rate", start=64, arrivals="constant"), lambda: Queue(4, 0.2), spec)
    assert [level.load.rate_per_s for level in levels][:3] == [64, 32, 16]
    assert 16 <= found.load.rate_per_s <= 20 / KEEPS_UP


def test_errors_end_it():
    def refusing():
        queue = Queue(100, 0.25)
        queue.fails = lambda _: queue._under_way >= 4
        return queue

    levels, found = swept(Sweep(), refusing)
    assert found.found
    assert found.load.concurrency < levels[-1].concurrency
    assert "of the requests failed" in found.why


def test_an_slo_that_is_missed_ends_it():
    spec = BenchSpec(warmup=0, slo=Slo(e2e_ms=300))
    _, found = swept(Sweep(start=3), lambda: Queue(8, 0.25), spec)
    assert found.found
    assert found.load == Closed(concurrency=6)
    assert found.why.startswith("With 12 at once only ")
    assert found.why.endswith(" of the requests met e2e=300ms.")


def test_a_client_that_is_the_bottleneck_ends_it_without_a_finding():
    level = measured(Closed(concurrency=1), lambda: Queue(1, 0.25))
    busy = level.model_copy(update={"client": level.client.model_copy(update={"verdict": "client_bottleneck"})})
    found = next_load(Sweep(), [busy])
    assert not found.found
    assert "the client was the bottleneck" in found.why


def test_one_of_which_nothing_succeeded_is_too_much():
    dead = measured(Closed(concurrency=1), lambda: Queue(1, 0.25, fails=lambda _: True))
    assert next_load(Sweep(), [dead]).why == "With 1 at once 100% of the requests failed."


@pytest.mark.parametrize(("places", "least", "most"), [(100, 1, 1), (1, 0.4, 0.6)])
def test_what_a_server_keeps_up_with(places, least, most):
    level = measured(Open(rate_per_s=10, arrivals="constant"), lambda: Queue(places, 0.2))
    assert least <= kept_up(level) <= most


@pytest.mark.parametrize(
    "asked",
    [{"until": 5000}, {"of": "rate", "until": 200_000}, {"until": 0.5}, {"of": "rate", "until": 0.5}, {"start": 0.4}],
)
def test_a_sweep_that_could_not_be_carried_out_is_refused(asked):
    with pytest.raises(ValueError, match="a sweep"):
        Sweep(**asked)
