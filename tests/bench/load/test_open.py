"""The open loop, in virtual time: it keeps its timetable whatever the server does."""

from __future__ import annotations

import asyncio
import statistics
from itertools import count, pairwise

import pytest
from bench_asks import conversations
from virtual_time import NS, Queue, VirtualClock, run

from zephyr_deploy.bench.asks import Turn
from zephyr_deploy.bench.load import Board, closed_loop, open_loop
from zephyr_deploy.bench.stats import percentile
from zephyr_deploy.bench.times import e2e_ms, e2e_sched_ms, ttft_ms, ttft_sched_ms

FROZEN = (5.0, 7.0)


def even(many, per_s):
    return [round(number * NS / per_s) for number in range(many)]


def opened(client, starts_ns, talks=None, *, most=10_000, deadline_s=60, board=None):
    async def inner():
        queue = client()
        talks_ = talks or conversations(f"text {n}" for n in count())
        board_ = board or Board(VirtualClock())
        samples = await open_loop(queue, talks_, starts_ns, deadline_s=deadline_s, most=most, board=board_)
        return queue, samples, board_

    return run(inner())


def test_it_sends_by_its_timetable_though_nothing_is_answered_in_time():
    starts = even(50, 10)
    queue, samples, board = opened(lambda: Queue(1, 3), starts, deadline_s=1000)
    assert [sample.due_ns - samples[0].due_ns for sample in samples] == starts
    assert all(sample.sent_ns == sample.due_ns for sample in samples)
    assert queue.sent_s == pytest.approx([start / NS for start in starts])
    assert queue.most == 49
    assert board.held_back == 0
    assert [sample.number for sample in samples] == [sample.conversation for sample in samples] == list(range(50))


def test_what_is_due_at_one_time_goes_out_at_one_time():
    _, samples, _ = opened(lambda: Queue(100, 1), [0] * 20 + [NS] * 20)
    assert sorted({sample.sent_ns - samples[0].due_ns for sample in samples}) == [0, NS]


def test_what_is_due_before_it_comes_to_that_goes_out_at_once(monkeypatch):
    monkeypatch.setattr("zephyr_deploy.bench.load.open.LEAD_NS", -NS)
    queue, samples, _ = opened(lambda: Queue(100, 1), even(30, 10))
    assert queue.sent_s == pytest.approx([0] * 11 + [0.1 * number for number in range(1, 20)])
    assert all(sample.failure is None for sample in samples)


def p99(figure, samples):
    return percentile(sorted(map(figure, samples)), 99)


def test_a_closed_loop_hides_a_stall_and_an_open_one_shows_it():
    """The same server, frozen for two seconds, at the same mean rate: 16 at once of 50 ms are 320 a second."""

    async def closed():
        queue = Queue(64, 0.05, FROZEN)
        talks = conversations(f"text {n}" for n in range(3200))
        return await closed_loop(queue, talks, workers=16, deadline_s=60, board=Board(VirtualClock()))

    hidden = run(closed())
    _, shown, _ = opened(lambda: Queue(10_000, 0.05, FROZEN), even(3200, 320))
    assert p99(ttft_ms, hidden) == pytest.approx(50)
    assert max(map(ttft_ms, hidden)) == pytest.approx(2050, abs=51)
    assert p99(ttft_sched_ms, shown) > 1800
    assert statistics.median(map(ttft_sched_ms, shown)) == pytest.approx(50)


def test_from_the_planned_time_latency_holds_what_the_client_itself_held_back():
    """With room for 16 alone the open loop cannot send either: TTFT hides the stall, that from the plan does not."""
    _, samples, board = opened(lambda: Queue(10_000, 0.05, FROZEN), even(3200, 300), most=16)
    assert p99(ttft_ms, samples) == pytest.approx(50)
    assert p99(ttft_sched_ms, samples) > 1500
    assert all(e2e_sched_ms(sample) >= e2e_ms(sample) for sample in samples)
    assert board.held_back > 500


def test_no_more_than_allowed_are_under_way_and_each_of_those_held_back_is_counted():
    queue, samples, board = opened(lambda: Queue(100, 1), even(10, 10), most=3)
    assert queue.most == 3
    assert len(samples) == 10
    assert board.held_back == sum(sample.sent_ns > sample.due_ns for sample in samples) == 7


def test_later_turns_follow_the_answer_and_have_no_planned_time():
    talks = iter([(Turn("a", 8), Turn("b", 8)), (Turn("c", 8),)])
    queue, samples, _ = opened(lambda: Queue(9, 1), even(2, 4), talks)
    assert [(s.conversation, s.turn, s.due_ns is None) for s in samples] == [(0, 0, False), (1, 0, False), (0, 1, True)]
    assert queue.sent_s == pytest.approx([0, 0.25, 1])
    assert queue.asks[2].before == (("a", "answer 0"),)


def test_failures_are_data_and_do_not_slow_the_timetable():
    queue, samples, board = opened(lambda: Queue(9, 0.01, fails=lambda number: number % 2), even(10, 100))
    assert [sample.failure is not None for sample in samples] == [False, True] * 5
    assert board.failed == 5
    assert [later - earlier for earlier, later in pairwise(queue.sent_s)] == pytest.approx([0.01] * 9)


def test_a_deadline_ends_each_by_itself():
    _, samples, _ = opened(lambda: Queue(1, 100), even(3, 1), deadline_s=5)
    assert [sample.failure.code for sample in samples] == ["deadline"] * 3
    assert [sample.ended_ns - sample.sent_ns for sample in samples] == [5 * NS] * 3


def test_a_fault_of_ours_is_raised_and_leaves_nothing_behind():
    class Broken(Queue):
        async def send(self, ask, sample):
            await asyncio.sleep(1)
            raise ValueError("ours")

    with pytest.raises(ValueError, match="ours"):
        opened(lambda: Broken(1, 1), even(5, 10))


def test_a_conversation_that_cannot_be_made_later_on_is_raised():
    def talks():
        yield from conversations(f"text {n}" for n in range(100))
        raise ValueError("ours")

    with pytest.raises(ValueError, match="ours"):
        opened(lambda: Queue(9, 1), even(200, 10), talks())


def test_conversations_that_run_out_end_it():
    _, samples, _ = opened(lambda: Queue(9, 1), even(10, 10), conversations(["a", "b"]))
    assert len(samples) == 2
    assert opened(lambda: Queue(9, 1), [])[1] == []


def test_connections_are_kept_ready_for_what_comes():
    queue, _, _ = opened(lambda: Queue(1000, 10), even(200, 100))
    assert queue.unused[0] == 8
    assert max(queue.unused) == 50


@pytest.mark.parametrize("after_s", [0.0, 3.25])
def test_an_early_end_leaves_out_what_was_under_way(after_s):
    board = Board(VirtualClock())

    class Stopping(Queue):
        async def send(self, ask, sample):
            if len(self.sent_s) == 0:
                asyncio.get_running_loop().call_later(after_s, board.stop, "enough")
            await super().send(ask, sample)

    queue, samples, _ = opened(lambda: Stopping(100, 1), even(100, 10), board=board)
    assert len(samples) == (0 if after_s == 0 else 23)
    assert all(sample.failure is None for sample in samples)
    assert len(queue.sent_s) == (1 if after_s == 0 else 33)
    assert board.under_way == len(queue.sent_s) - len(samples)
