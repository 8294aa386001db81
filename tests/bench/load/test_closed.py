"""The closed loop, in virtual time."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest
from bench_asks import conversations
from virtual_time import NS, Queue, VirtualClock, run

from zephyr_deploy.bench.asks import Turn
from zephyr_deploy.bench.load import Board, closed_loop
from zephyr_deploy.bench.load.closed import AT_A_TIME


def closed(queue, talks, workers, board=None, deadline_s=60):
    async def inner():
        client = queue()
        board_ = board or Board(VirtualClock())
        return client, await closed_loop(client, iter(talks), workers=workers, deadline_s=deadline_s, board=board_)

    return run(inner())


def texts(many):
    return conversations(f"text {n}" for n in range(many))


def test_so_many_are_under_way_until_none_is_left():
    queue, samples = closed(lambda: Queue(100, 1), texts(10), 4)
    assert queue.most == 4
    assert queue.sent_s == pytest.approx([0] * 4 + [1] * 4 + [2] * 2)
    assert all(sample.due_ns is None for sample in samples)


def test_few_begin_before_others_have_a_turn():
    seen = []

    async def inner():
        client = Queue(100, 1)
        load = closed_loop(client, iter(texts(20)), workers=20, deadline_s=60, board=Board(VirtualClock()))
        task = asyncio.create_task(load)
        while len(client.sent_s) < 20:
            seen.append(len(client.sent_s))
            await asyncio.sleep(0)
        return await task

    assert len(run(inner())) == 20
    assert max(later - earlier for earlier, later in pairwise([*seen, 20])) <= AT_A_TIME


def test_a_load_that_is_stopped_while_it_begins_begins_no_more():
    board = Board(VirtualClock())

    class Stopping(Queue):
        async def send(self, ask, sample):
            board.stop("enough")
            await super().send(ask, sample)

    queue, samples = closed(lambda: Stopping(100, 1), texts(20), 20, board)
    assert samples == []
    assert len(queue.sent_s) <= AT_A_TIME


def test_a_load_that_is_stopped_before_it_begins_sends_nothing():
    board = Board(VirtualClock())
    board.stop("enough")
    queue, samples = closed(lambda: Queue(1, 1), texts(2), 1, board)
    assert (queue.sent_s, samples) == ([], [])


def test_a_worker_whose_request_failed_waits_a_little():
    queue, _ = closed(lambda: Queue(9, 1, fails=lambda number: number == 0), texts(3), 1)
    assert queue.sent_s == pytest.approx([0, 1.1, 2.1])


def test_a_conversation_is_held_by_one_worker_and_ends_with_a_failure():
    talk = (Turn("a", 8), Turn("b", 8), Turn("c", 8))
    queue, samples = closed(lambda: Queue(9, 1, fails=lambda number: number == 1), [talk, talk], 1)
    assert [(sample.conversation, sample.turn) for sample in samples] == [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2)]
    assert queue.asks[4].before == (("a", "answer 2"), ("b", "answer 3"))


def test_a_deadline_is_a_failure():
    _, (sample,) = closed(lambda: Queue(1, 100), texts(1), 1, deadline_s=5)
    assert sample.failure.code == "deadline"
    assert sample.ended_ns - sample.sent_ns == 5 * NS


def test_an_early_end_leaves_out_what_was_under_way():
    board = Board(VirtualClock())

    class Stopping(Queue):
        async def send(self, ask, sample):
            if len(self.sent_s) == 4:
                asyncio.get_running_loop().call_later(0.5, board.stop, "enough")
            await super().send(ask, sample)

    queue, samples = closed(lambda: Stopping(9, 1), texts(100), 2, board)
    assert len(samples) == 4
    assert len(queue.sent_s) == 6
    assert board.stopped == "enough"


def test_a_fault_of_ours_is_raised():
    class Broken(Queue):
        async def send(self, ask, sample):
            raise ValueError("ours")

    with pytest.raises(ValueError, match="ours"):
        closed(lambda: Broken(1, 1), texts(5), 2)
