"""A loop that reads streams by itself is asyncio in all else, and waits for more only where that costs nothing."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
import time
from functools import partial

import pytest
from bench.wire.answers import chat
from bench.wire.server import endpoint_at, serving
from bench_asks import asked

from zephyr_deploy.bench.spec import BenchSpec
from zephyr_deploy.bench.wire import loop as module
from zephyr_deploy.bench.wire.client import open_wire
from zephyr_deploy.bench.wire.loop import FEW, JUDGE_S, PAUSE_S, SELDOM, Patience, be_patient, leave, run, watch

linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it is asyncio's own loop")


def test_answers_come_as_on_any_loop():
    async def inner():
        async with serving([chat("a", "b")], [chat("c")]) as (server, port):
            async with open_wire(endpoint_at(f"http://127.0.0.1:{port}"), BenchSpec()) as load:
                samples = [await asked(load, "x", 20) for _ in range(4)]
                await load.settle()
            return [sample.text for sample in samples], server.connections

    assert run(inner()) == (["ab", "c", "ab", "c"], 1)


@linux
@pytest.mark.parametrize("patient", [False, True])
def test_timers_and_threads_are_heard_while_a_stream_never_pauses(patient, monkeypatch):
    monkeypatch.setattr(Patience, "pays", lambda *_: patient)
    here, there = socket.socketpair()
    heard = []

    def endless():
        heard.append(1)  # it is not read, so that there is always something
        return False

    async def inner():
        loop = asyncio.get_running_loop()
        watch(loop, here, endless)
        there.send(b"x")
        told = asyncio.Event()
        threading.Timer(0.02, partial(loop.call_soon_threadsafe, told.set)).start()
        await asyncio.wait_for(told.wait(), 20)
        await asyncio.sleep(0.01)
        leave(loop, here)

    with here, there:
        run(inner())
    assert len(heard) > 2


@linux
def test_asyncio_hears_at_once_when_an_answer_is_over():
    here, there = socket.socketpair()

    async def inner():
        loop = asyncio.get_running_loop()
        over = loop.create_future()

        def read():
            over.set_result(here.recv(1))
            return True

        watch(loop, here, read)
        there.send(b"x")
        data = await asyncio.wait_for(over, 20)
        leave(loop, here)
        return data

    with here, there:
        assert run(inner()) == b"x"


@pytest.mark.parametrize(
    ("each_pause", "streams", "pays"),
    [(FEW * 2, 256, True), (200 * SELDOM, 256, True), (FEW / 2, 256, False), (300 * SELDOM, 256, False), (2, 4, False)],
)
def test_patience_pays_where_many_streams_bring_few_pieces_each(each_pause, streams, pays):
    patience = Patience()
    patience.allowed = True
    patience.reads = each_pause * JUDGE_S / PAUSE_S
    assert patience.pays(JUDGE_S, streams) is pays
    assert patience.pays(JUDGE_S * 1.5, streams) is pays  # until the next judgement
    assert not patience.pays(JUDGE_S * 3, streams)


def test_without_the_kernels_stamps_nothing_waits():
    patience = Patience()
    patience.reads = 1000
    assert not patience.pays(time.monotonic(), 100_000)


@linux
def test_patience_is_for_its_own_loop(monkeypatch):
    async def inner():
        loop = asyncio.get_running_loop()
        be_patient(loop)
        return loop.streams.patience.allowed if isinstance(loop, module.StreamLoop) else None

    assert run(inner()) is True
    assert asyncio.run(inner()) is None
