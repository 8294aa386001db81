"""A loop that comes late reports when tokens came all the same."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
import time

import bench_asks
import pytest
from bench.wire.answers import CHUNKED, END, chat_body, chunk
from bench.wire.server import endpoint_at

from zephyr_deploy.bench.selfcheck import LATE_NS, stamps_of
from zephyr_deploy.bench.spec import BenchSpec
from zephyr_deploy.bench.wire.client import open_wire

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux stamps this way")
LATE_S = 0.2


def measured(texts):
    """The sample, and when each text was sent while the loop stood still."""
    listener, sent_ns = socket.create_server(("127.0.0.1", 0)), []
    asked, blocked, sent = threading.Event(), threading.Event(), threading.Event()

    def answer():
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(CHUNKED)
            asked.set()
            blocked.wait(20)
            for text in texts:
                sent_ns.append(time.perf_counter_ns())
                connection.sendall(text)
            connection.sendall(END)
            sent.set()
            connection.recv(1)

    def stand_still():
        blocked.set()
        assert sent.wait(20)
        time.sleep(LATE_S)

    async def inner():
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with open_wire(endpoint_at(url), BenchSpec()) as load:
            request = asyncio.create_task(bench_asks.asked(load, "x", 20))
            assert await asyncio.to_thread(asked.wait, 20)
            stand_still()
            sample = await request
            await load.settle()
            return sample

    server = threading.Thread(target=answer, daemon=True)
    server.start()
    with listener:
        sample = asyncio.run(inner())
        server.join(20)
    assert sample.failure is None
    return sample, sent_ns


def test_the_stamp_is_the_arrival_and_not_the_read():
    first, *rest = chat_body("a")
    sample, sent_ns = measured([chunk(first + b"".join(rest))])
    (one,) = sample.events
    assert one.at_ns >= sent_ns[0]
    assert one.lag_ns > LATE_S * 0.9e9


def test_what_waited_together_is_in_doubt():
    sample, _ = measured([chunk(piece) for piece in chat_body("a", "b", "c")])
    assert len({one.at_ns for one in sample.events}) == 1
    assert all(one.lag_ns > LATE_NS for one in sample.events)
    assert stamps_of([sample]).doubt == pytest.approx(2 / 3)
