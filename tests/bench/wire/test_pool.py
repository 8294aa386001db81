"""Which connection a request gets, where the server has several addresses, none that answers, or stamps nothing."""

from __future__ import annotations

import asyncio
import socket

import pytest
from bench.wire.answers import chat
from bench.wire.server import sent, serving

from zephyr_deploy.bench.sample import Sample
from zephyr_deploy.bench.wire import pool as module
from zephyr_deploy.bench.wire.pool import Pool
from zephyr_deploy.errors import UnreachableError


def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def test_the_address_that_answers_is_the_first_from_then_on():
    async def inner():
        async with serving([chat("a")]) as (_, port):
            pool = Pool("http://name:1")
            pool._addresses = [(socket.AF_INET, 0, ("127.0.0.1", other)) for other in (closed_port(), port)]
            connection = await pool.take(Sample(taken_ns=0))
            connection.close()
            pool.close()
            return port, pool._addresses

    port, addresses = asyncio.run(inner())
    assert addresses[0][2] == ("127.0.0.1", port)
    assert len(addresses) == 2


def test_a_connection_that_does_not_come_is_given_up(monkeypatch):
    async def never(*_):
        await asyncio.sleep(60)

    monkeypatch.setattr(module, "CONNECT_S", 0.05)
    monkeypatch.setattr(Pool, "_open", never)

    async def inner():
        pool = Pool("http://127.0.0.1:1")
        try:
            await pool.take(Sample(taken_ns=0))
        finally:
            pool.close()

    with pytest.raises(UnreachableError, match=r"http://127.0.0.1:1: not open after 0.05 s"):
        asyncio.run(inner())


def test_the_last_one_given_back_is_the_first_one_taken():
    async def inner():
        async with serving([chat("a")]) as (server, port):
            pool = Pool(f"http://127.0.0.1:{port}")
            first, second = [await pool.take(Sample(taken_ns=0)) for _ in range(2)]
            pool.give(first)
            pool.give(second)
            again = [await pool.take(Sample(taken_ns=0)) for _ in range(2)]
            for connection in again:
                connection.close()
            pool.close()
            return again == [second, first], server.connections

    assert asyncio.run(inner()) == (True, 2)


def test_where_nobody_stamps_our_clock_does(monkeypatch):
    monkeypatch.setattr(module, "ask_for_stamps", lambda _sock: None)
    _, (sample,) = sent([chat("a", "b")])
    assert (sample.failure, sample.text) == (None, "ab")
    assert [one.lag_ns for one in sample.events] == [None, None]
    assert sample.sent_ns < sample.events[0].at_ns <= sample.ended_ns
