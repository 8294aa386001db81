"""The line that tells of a level while it runs."""

from __future__ import annotations

from zephyr_deploy.bench.load import Board, Course
from zephyr_deploy.bench.progress import Line
from zephyr_deploy.errors import OverloadedError
from zephyr_deploy.events import PhaseHandle

S, MS = 10**9, 10**6


class Clock:
    at_ns = S

    def now_ns(self):
        return self.at_ns


def level(**course):
    clock, told = Clock(), []
    board = Board(clock)
    line = Line(board, Course(iter(()), **course))
    return clock, board, lambda: (line.tell(PhaseHandle("level", told.append)), told[-1])[1]


def answered(board, clock, *, ttft_ms=None, failure=None):
    sample = board.begin(0, 0)
    sample.sent_ns = clock.at_ns
    if ttft_ms is not None:
        sample.events.add(clock.at_ns + ttft_ms * MS)
    sample.failure = failure
    board.over(sample)
    return sample


def test_it_tells_rate_failures_ttft_and_the_time_left():
    clock, board, tell = level(workers=2, total=10)
    answered(board, clock, ttft_ms=30)
    answered(board, clock, ttft_ms=50)
    answered(board, clock, ttft_ms=40)
    answered(board, clock, failure=OverloadedError("full"))
    board.begin(0, 0)
    clock.at_ns = 3 * S
    event = tell()
    assert (event.done, event.total, event.unit) == (4, 10, "requests")
    assert event.detail == "2 requests/s, 1 failed, TTFT 40 ms, 3 s left"


def test_answers_that_are_decoded_later_are_seen_later():
    clock, board, tell = level(workers=1, total=10)
    sample = answered(board, clock)
    clock.at_ns = 2 * S
    assert "TTFT" not in tell().detail
    sample.events.add(S + 30 * MS)
    assert "TTFT 30 ms" in tell().detail


def test_a_level_of_time_counts_seconds():
    clock, _, tell = level(workers=1, seconds=10.0)
    clock.at_ns = 5 * S
    event = tell()
    assert (event.done, event.total, event.unit) == (4, 10, "seconds")
    assert event.detail == "0 requests/s, 6 s left"
    clock.at_ns = 15 * S
    assert tell().done == 10


def test_a_timetable_has_its_own_end():
    clock, _, tell = level(starts_ns=[0, 8 * S], total=2)
    clock.at_ns = 6 * S
    assert tell().detail == "0 requests/s, 3 s left"
