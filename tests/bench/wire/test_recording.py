"""Which time a read has: the kernel's where it can be trusted, else our clock's."""

from __future__ import annotations

import time

import pytest
from bench.wire.answers import chat, chunk, event, plain, stamp

from zephyr_deploy.bench.wire import recording as module
from zephyr_deploy.bench.wire.recording import Recording
from zephyr_deploy.bench.wire.stamps import realtime_offset_ns
from zephyr_deploy.endpoint.faults import cut

MS = 1_000_000
OFFSET = 1_700_000_000_000 * MS


def of(*reads, **more):
    recording = Recording(**more)
    for read in reads:
        recording.add(*(read if isinstance(read, tuple) else (0, [], read)))
    return recording


@pytest.fixture
def at_offset(monkeypatch):
    """Clocks that are, and stay, `OFFSET` apart."""
    monkeypatch.setattr(module, "realtime_offset_ns", lambda: OFFSET)
    return lambda *reads: [
        (at / MS, None if lag is None else lag / MS) for at, lag, _ in of(*reads, offset_ns=OFFSET).pieces()
    ]


def test_a_stamp_is_when_it_came_and_the_rest_is_lag(at_offset):
    assert at_offset((50 * MS, stamp(OFFSET + 20 * MS), b"x")) == [(20, 30)]


@pytest.mark.parametrize("control", [[], [(1, 29, bytes(16))], [(6, 35, bytes(16))], [(1, 35, bytes(8))]])
def test_no_stamp_is_our_clock(at_offset, control):
    assert at_offset((50 * MS, control, b"x")) == [(50, None)]


def test_a_stamp_of_the_future_is_none_but_for_imprecision(at_offset):
    assert at_offset((50 * MS, stamp(OFFSET + 51 * MS), b"x")) == [(50, None)]
    assert at_offset((50 * MS, stamp(OFFSET + 50 * MS + 500), b"x")) == [(50, 0)]


def test_where_the_time_was_set_no_stamp_is_trusted(at_offset, monkeypatch):
    monkeypatch.setattr(module, "realtime_offset_ns", lambda: OFFSET + MS)
    assert at_offset((50 * MS, stamp(OFFSET + 20 * MS), b"x")) == [(50, None)]


def test_clocks_keep_their_distance():
    first = realtime_offset_ns()
    assert abs(first - (time.time_ns() - time.perf_counter_ns())) < 1000 * MS
    assert abs(realtime_offset_ns() - first) < 10 * MS


def test_looks_wrong():
    good = chat("a", "b", "c", '"error"')
    assert not of(good[:40], good[40:90], good[90:]).looks_wrong(b"[DONE]")
    assert of(good[:40], chunk(event({"error": "x"})), b"more").looks_wrong(b"[DONE]")
    assert of(plain(b"500 X", b"abc"), b"", b"").looks_wrong(b"[DONE]")
    assert of(good).looks_wrong(b"[DONE]")
    assert of(good[:40], good[40:90], good[90:].replace(b"[DONE]", b"{}")).looks_wrong(b"[DONE]")
    assert of(*[good] * 5, failure=cut(EOFError())).looks_wrong(b"[DONE]")
