"""Tasks that begin at once: they are as any other task but for when they begin."""

from __future__ import annotations

import asyncio

import pytest

from zephyr_deploy.bench.load.eager import begin


def in_a_callback(work):
    """What ``work`` has said when its beginning is over, and its task's outcome."""

    async def inner():
        loop, begun, said = asyncio.get_running_loop(), asyncio.Event(), []

        def call():
            tasks.append(begin(work(said)))
            before.extend(said)
            begun.set()

        tasks, before = [], []
        loop.call_soon(call)
        await begun.wait()
        (outcome,) = await asyncio.gather(*tasks, return_exceptions=True)
        return before, said, outcome

    return asyncio.run(inner())


def test_it_runs_to_where_it_first_waits_and_then_on():
    async def work(said):
        said.append(asyncio.current_task() is not None)
        await asyncio.sleep(0.001)
        said.append(2)
        await asyncio.sleep(0)
        return "result"

    assert in_a_callback(work) == ([True], [True, 2], "result")


def test_one_that_never_waits_is_over():
    async def work(said):
        return "result"

    assert in_a_callback(work)[2] == "result"


@pytest.mark.parametrize("wait", [False, True])
def test_its_failure_is_the_tasks(wait):
    async def work(said):
        if wait:
            await asyncio.sleep(0)
        raise ValueError("ours")

    assert repr(in_a_callback(work)[2]) == "ValueError('ours')"


def test_a_failure_that_it_waits_for_reaches_it():
    async def work(said):
        future = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(future.set_exception, ValueError("theirs"))
        try:
            await future
        except ValueError:
            await asyncio.sleep(0)
            return "caught"

    assert in_a_callback(work)[2] == "caught"


def test_it_can_be_cancelled_where_it_first_waits():
    async def work(said):
        asyncio.get_running_loop().call_later(0.01, asyncio.current_task().cancel)
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            return "cleaned up"

    assert in_a_callback(work)[2] == "cleaned up"
