"""Answers are decoded when no socket has anything, or when too many wait, and in any case before the end."""

from __future__ import annotations

import asyncio

import pytest

from zephyr_deploy.bench.sample import Sample
from zephyr_deploy.bench.wire import later as module
from zephyr_deploy.bench.wire.connection import Pulse
from zephyr_deploy.bench.wire.later import Later
from zephyr_deploy.errors import DeadlineError, IncompleteError


def steps(done, count=3, failure=None):
    for _ in range(count):
        done.append(1)
        yield
    if failure:
        raise failure


async def rounds(pulse, count, reads):
    for _ in range(count):
        pulse.reads += reads
        await asyncio.sleep(0)


def test_waits_while_sockets_are_read_and_works_when_they_are_quiet():
    async def inner():
        done, pulse = [], Pulse()
        later = Later(pulse)
        later.add(steps(done), Sample(taken_ns=0))
        await rounds(pulse, 20, reads=1)
        busy = len(done)
        await rounds(pulse, 20, reads=0)
        return busy, len(done)

    busy, quiet = asyncio.run(inner())
    assert busy <= 1  # the first round of the task itself may fall before the first read
    assert quiet == 3


def test_too_many_do_not_wait(monkeypatch):
    monkeypatch.setattr(module, "MOST_WAITING", 2)

    async def inner():
        done, pulse = [], Pulse()
        later = Later(pulse)
        for _ in range(4):
            later.add(steps(done), Sample(taken_ns=0))
        await rounds(pulse, 30, reads=1)
        return len(done)

    assert 6 <= asyncio.run(inner()) < 12


def test_settles_and_a_failure_does_not_replace_an_earlier_one():
    late, found = DeadlineError("late"), IncompleteError("cut")

    async def inner():
        later, samples = Later(Pulse()), [Sample(taken_ns=0), Sample(taken_ns=0, failure=late), Sample(taken_ns=0)]
        later.add(steps([], failure=found), samples[0])
        later.add(steps([], failure=found), samples[1])
        later.add(steps([]), samples[2])
        await later.settle()
        return [sample.failure for sample in samples]

    assert asyncio.run(inner()) == [found, late, None]


def test_a_fault_of_ours_met_in_a_quiet_moment_is_raised_in_the_end():
    async def inner():
        later = Later(Pulse())
        later.add(steps([], failure=IndexError("ours")), Sample(taken_ns=0))
        await rounds(Pulse(), 20, reads=0)
        await later.settle()

    with pytest.raises(IndexError, match="ours"):
        asyncio.run(inner())
