"""A loop that reads streams by itself is asyncio in all else, and waits for more only where that costs nothing."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from functools import partial

import pytest
from bench.wire.answers import chat
from bench.wire.server import endpoint_at, serving
from bench_asks import asked

from zephyr_deploy.bench.spec import BenchSpec
from zephyr_deploy.bench.wire import loop as module
from zephyr_deploy.bench.wire.client import open_wire
from zephyr_deploy.bench.wire.loop import (
    AT_A_TIME,
    FEW,
    JUDGE_S,
    OVER_AT_A_TIME,
    PAUSES_S,
    SELDOM,
    Patience,
    be_patient,
    end,
    give_way,
    leave,
    run,
    watch,
)

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
@pytest.mark.parametrize("pause_s", [0.0, *PAUSES_S])
def test_timers_and_threads_are_heard_while_a_stream_never_pauses(pause_s, monkeypatch):
    monkeypatch.setattr(Patience, "pause_s", lambda *_: pause_s)
    here, there = socket.socketpair()
    heard = []

    def endless():
        heard.append(1)  # it is not read, so that there is always something

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


@contextmanager
def pairs(many):
    """Sockets, each with a byte to read."""
    with ExitStack() as stack:
        ends = [socket.socketpair() for _ in range(many)]
        for here, there in ends:
            stack.enter_context(here)
            stack.enter_context(there).send(b"x")
        yield [here for here, _ in ends]


def ending(socks):
    """What a loop hears of answers that all end at once: of each, how many had been read then, and how often another.

    That other stream never pauses.
    """

    async def inner():
        loop = asyncio.get_running_loop()
        reads, endless = [], []

        async def answer(sock):
            over = loop.create_future()

            def read():
                reads.append(sock.recv(1))
                end(loop, over)

            watch(loop, sock, read)
            await over
            leave(loop, sock)
            return len(reads), len(endless)

        with pairs(1) as (other,):
            watch(loop, other, partial(endless.append, 1))
            heard = await asyncio.wait_for(asyncio.gather(*map(answer, socks)), 20)
            leave(loop, other)
            return heard

    return run(inner())


def test_asyncio_hears_at_once_when_an_answer_is_over():
    with pairs(1) as socks:
        ((reads, looks),) = ending(socks)
    assert reads == 1
    assert looks < AT_A_TIME


@linux
def test_all_that_streams_have_is_read_before_asyncio_hears_of_an_end():
    with pairs(AT_A_TIME * 3) as socks:
        assert {reads for reads, _ in ending(socks)} == {len(socks)}


@linux
def test_streams_are_read_after_every_few_answers_that_have_ended():
    with pairs(OVER_AT_A_TIME * 5) as socks:
        looks = Counter(endless for _, endless in ending(socks))
    assert len(looks) == 5
    assert set(looks.values()) == {OVER_AT_A_TIME}


@linux
@pytest.mark.parametrize("shares", [False, True])
def test_a_loop_that_always_has_something_to_do_gives_way_to_others_of_its_load(shares, monkeypatch):
    pauses = []
    monkeypatch.setattr(module, "TURN_S", 0.0)
    monkeypatch.setattr(module.time, "sleep", pauses.append)

    async def inner():
        if shares:
            give_way(asyncio.get_running_loop())
        for _ in range(10):
            await asyncio.sleep(0)

    run(inner())
    assert bool(pauses) is shares


LONG_S, MIDDLE_S, SHORT_S = PAUSES_S


@pytest.mark.parametrize(
    ("pieces_per_s", "streams", "pause_s"),
    [
        (FEW * 2 / LONG_S, 256, LONG_S),
        (200 * SELDOM / LONG_S, 256, LONG_S),
        (300 * SELDOM / LONG_S, 256, MIDDLE_S),
        (300 * SELDOM / MIDDLE_S, 256, SHORT_S),
        (300 * SELDOM / SHORT_S, 256, 0),
        (FEW / 2 / LONG_S, 256, 0),
        (2 / LONG_S, 4, 0),
    ],
)
def test_patience_is_for_many_streams_that_bring_few_pieces_each(pieces_per_s, streams, pause_s):
    patience = Patience()
    patience.allowed = True
    patience.reads = pieces_per_s * JUDGE_S
    assert patience.pause_s(JUDGE_S, streams) == pause_s
    assert patience.pause_s(JUDGE_S * 1.5, streams) == pause_s  # until the next judgement
    assert patience.pause_s(JUDGE_S * 3, streams) == 0


def test_without_the_kernels_stamps_nothing_waits():
    patience = Patience()
    patience.reads = 1000
    assert patience.pause_s(time.monotonic(), 100_000) == 0


@linux
def test_patience_is_for_its_own_loop(monkeypatch):
    async def inner():
        loop = asyncio.get_running_loop()
        be_patient(loop)
        return loop.streams.patience.allowed if isinstance(loop, module.StreamLoop) else None

    assert run(inner()) is True
    assert asyncio.run(inner()) is None
