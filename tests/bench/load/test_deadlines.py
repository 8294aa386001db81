"""One timer for the deadlines of many requests, in virtual time."""

import asyncio

import pytest
from virtual_time import run

from zephyr_deploy.bench.load.deadlines import Deadlines


def ended(requests, seconds):
    """When each of ``requests``, which begin and last so many seconds, is over, and whether by its deadline."""

    async def one(deadlines, starts_s, lasts_s):
        await asyncio.sleep(starts_s)
        task = deadlines.begin()
        try:
            await asyncio.sleep(lasts_s)
        except asyncio.CancelledError:
            over = deadlines.is_over(task)
        else:
            over = False
        deadlines.end(task)
        await asyncio.sleep(0)  # whoever was cancelled for a deadline goes on
        return asyncio.get_running_loop().time(), over

    async def inner():
        zero, deadlines = asyncio.get_running_loop().time(), Deadlines(seconds)
        return [(at - zero, over) for at, over in await asyncio.gather(*(one(deadlines, *each) for each in requests))]

    at, over = zip(*run(inner()), strict=True)
    return list(at), list(over)


def test_each_has_its_own_end():
    at, over = ended([(0, 100), (1, 100), (1, 2), (3, 100)], 5)
    assert at == pytest.approx([5, 6, 3, 8])
    assert over == [True, True, False, True]


def test_one_that_begins_when_no_other_is_left_has_one_too():
    at, over = ended([(0, 1), (0, 100), (20, 100), (40, 3)], 5)
    assert at == pytest.approx([1, 5, 25, 43])
    assert over == [False, True, True, False]


def test_what_is_slow_to_end_is_cancelled_once():
    cancelled = []

    async def stubborn(deadlines):
        task = deadlines.begin()
        for _ in range(3):
            try:
                await asyncio.sleep(10)
            except asyncio.CancelledError:
                cancelled.append(deadlines.is_over(task))
        deadlines.end(task)

    async def quick(deadlines):
        await asyncio.sleep(1)
        task = deadlines.begin()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.sleep(10)
        deadlines.end(task)

    async def inner():
        deadlines = Deadlines(5)
        await asyncio.gather(stubborn(deadlines), quick(deadlines))

    run(inner())
    assert cancelled == [True]


def test_another_cancellation_is_none_of_its():
    async def inner():
        async def one():
            task = deadlines.begin()
            try:
                await asyncio.sleep(10)
            finally:
                over.append(deadlines.is_over(task))
                deadlines.end(task)

        deadlines, over = Deadlines(5), []
        task = asyncio.create_task(one())
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return task.cancelled(), over

    assert run(inner()) == (True, [False])
