"""Interrupts: what was measured is reported as partial, a second one ends it at once, and nothing stays behind."""

from __future__ import annotations

import asyncio
import os
import signal
import threading

import pytest
from emulators import scripted

from zephyr_deploy.bench.interrupt import interruptible
from zephyr_deploy.bench.loads import Closed, Open
from zephyr_deploy.bench.run import run
from zephyr_deploy.bench.spec import BenchSpec

LONG = {"duration_s": 600, "warmup": 1}


def interrupted(endpoint_at, spec, *, after, number=signal.SIGINT, behaviours=("ok",)):
    """Interrupted when the server has seen ``after`` requests."""

    async def inner():
        async with scripted.serving(scripted.Script(behaviours=list(behaviours))) as (server, url):

            async def interrupt():
                while len(server.prompts) < after:  # noqa: ASYNC110 - it has nobody to tell
                    await asyncio.sleep(0)
                os.kill(os.getpid(), number)

            interrupting = asyncio.create_task(interrupt())
            try:
                return await run(endpoint_at(url), spec)
            finally:
                interrupting.cancel()

    return asyncio.run(inner())


@pytest.mark.parametrize("load", [Closed(concurrency=2), Open(rate_per_s=200)])
@pytest.mark.parametrize(("number", "name"), [(signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "SIGTERM")])
def test_what_was_measured_is_reported_as_partial(endpoint_at, load, number, name):
    before = signal.getsignal(number)
    report = interrupted(endpoint_at, BenchSpec(loads=(load,), **LONG), after=12, number=number)
    (level,) = report.levels
    assert report.interrupted
    assert report.partial == f"{name} ended it at {load}."
    assert level.partial.startswith(f"{name} ended it; ")
    assert 0 < level.succeeded == level.requests == len(level.log) < 500
    assert level.errors == {}
    assert level.ttft_ms.n == level.succeeded
    if number != signal.SIGINT:  # asyncio.run has a handler of its own there
        assert signal.getsignal(number) is before


def test_levels_that_were_whole_stay_whole(endpoint_at):
    spec = BenchSpec(concurrency=(1, 2, 3), requests=4, warmup=0)
    report = interrupted(endpoint_at, spec, after=6, behaviours=["ok"] * 4 + ["silent"])
    assert [level.partial for level in report.levels] == [""]
    assert report.partial == "Ctrl-C ended it at 2 at once."


def test_before_anything_was_measured_there_is_no_report(endpoint_at):
    with pytest.raises(KeyboardInterrupt):
        interrupted(endpoint_at, BenchSpec(concurrency=(1,), **LONG), after=1, behaviours=["silent"])


def test_a_second_one_is_raised_at_once():
    async def inner():
        with interruptible() as halt:
            os.kill(os.getpid(), signal.SIGINT)
            while not halt.why():  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0)
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.sleep(60)

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(inner())
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_elsewhere_than_in_the_main_thread_nothing_listens():
    def inner():
        async def look():
            with interruptible() as halt:
                return halt.why()

        found.append(asyncio.run(look()))

    found = []
    thread = threading.Thread(target=inner)
    thread.start()
    thread.join(20)
    assert found == [""]


def test_a_server_that_dies_between_levels_loses_nothing(endpoint_at):
    async def inner():
        script = scripted.Script(behaviours=["ok"] * 5 + ["500"])
        async with scripted.serving(script) as (_, url):
            return await run(endpoint_at(url), BenchSpec(concurrency=(1, 2), requests=4, warmup=1))

    report = asyncio.run(inner())
    assert len(report.levels) == 1
    assert report.partial.startswith("2 at once could not be measured: ")
    assert not report.interrupted
