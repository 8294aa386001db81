"""Alarms: they ring at their time, not before, and only at the last that was set."""

from __future__ import annotations

import asyncio
import sys
import time

import pytest

from zephyr_deploy.bench.load import alarm as alarms
from zephyr_deploy.bench.load.clock import hold

KINDS = [alarms.LoopTimer, *([alarms.TimerFile] if sys.platform == "linux" else [])]
MS = 1_000_000


async def rings(kind, *after_ms, wait_s=0.05):
    rung = []
    one = kind(lambda: rung.append(time.perf_counter_ns() + one.early_ns))
    now = time.perf_counter_ns()
    for after in after_ms:
        one.set(now + after * MS)
    await asyncio.sleep(wait_s)
    one.close()
    return [at - now for at in rung]


@pytest.mark.parametrize("kind", KINDS)
def test_it_rings_once_and_no_earlier_than_it_says(kind):
    (at,) = asyncio.run(rings(kind, 5))
    assert at >= 5 * MS


def test_what_holds_goes_on_at_the_time_and_not_before():
    until = time.perf_counter_ns() + 2 * MS
    hold(until)
    assert time.perf_counter_ns() >= until


@pytest.mark.parametrize("due_ns", [None, 0])
def test_nothing_holds_what_is_not_due_or_overdue(due_ns, monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda _seconds: pytest.fail("it sleeps"))
    hold(due_ns)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("past_ms", [-1000, -(10**9)])
def test_a_time_that_is_over_rings_at_once(kind, past_ms):
    assert len(asyncio.run(rings(kind, past_ms))) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_last_time_counts(kind):
    (at,) = asyncio.run(rings(kind, 1, 10_000, 5))
    assert at >= 5 * MS


@pytest.mark.parametrize("kind", KINDS)
def test_closed_it_rings_no_more(kind):
    async def inner():
        rung = []
        one = kind(lambda: rung.append(1))
        one.set(time.perf_counter_ns() + MS)
        one.close()
        await asyncio.sleep(0.02)
        return rung

    assert asyncio.run(inner()) == []


def test_without_timer_files_the_loop_does_it(monkeypatch):
    def none(_ring):
        raise OSError(38, "not implemented")

    async def inner():
        return alarms.alarm(lambda: None)

    monkeypatch.setattr(alarms, "TimerFile", none)
    assert isinstance(asyncio.run(inner()), alarms.LoopTimer)
