"""A server that dies in the middle of a run, and one that is back a moment later."""

from __future__ import annotations

import subprocess
import threading
from contextlib import contextmanager

import pytest

from zephyr_deploy.bench.run import bench
from zephyr_deploy.bench.spec import BenchSpec

WAYS = pytest.mark.parametrize("client", ["openai", "tgi"])
SLOW = ("--ttft-ms", "30", "--itl-ms", "10", "--tokens", "8")
AT_ONCE = 4
KILLED_AFTER = 8
"""Requests that are begun when it is killed: some of them are under way."""


@contextmanager
def server(program, port="0"):
    """It, its port, and an end by SIGKILL at the latest."""
    process = subprocess.Popen(
        [program, *SLOW, "--port", port], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


def measured(endpoint_at, program, client, requests, *, again):
    """A level during which the server is killed; ``again``: another one takes its port."""
    with server(program) as (process, port):
        begun, second = threading.Event(), []

        def kill():
            assert begun.wait(20)
            process.kill()
            process.wait()
            if again:
                second.append(server(program, port))
                second[0].__enter__()

        killer = threading.Thread(target=kill)
        killer.start()

        def listener(event):
            if getattr(event, "done", 0) >= KILLED_AFTER:
                begun.set()

        spec = BenchSpec(concurrency=(AT_ONCE,), requests=requests, warmup=0, client=client, deadline_s=20)
        (level,) = bench(endpoint_at(f"http://127.0.0.1:{port}"), spec, listener).levels
        killer.join(20)
        for one in second:
            one.__exit__(None, None, None)
    return level


@WAYS
def test_one_that_dies_fails_what_was_under_way_and_all_that_follows(endpoint_at, gtserver, client):
    level = measured(endpoint_at, gtserver, client, 24, again=False)
    assert level.succeeded >= KILLED_AFTER
    assert set(level.errors) <= {"incomplete", "unreachable"}
    assert level.errors["unreachable"] > 0
    assert level.succeeded + sum(level.errors.values()) == level.requests == 24
    assert level.ttft_ms.n == level.succeeded
    failed = [record.number for record in level.log if record.failure == "unreachable"]
    assert max(failed) == 23


@WAYS
def test_one_that_is_back_is_measured_on(endpoint_at, gtserver, client):
    level = measured(endpoint_at, gtserver, client, 60, again=True)
    assert 1 <= sum(level.errors.values()) < 60 - KILLED_AFTER
    assert set(level.errors) <= {"incomplete", "unreachable"}
    assert level.succeeded + sum(level.errors.values()) == 60
    last = max(record.ended_ms for record in level.log if record.failure)
    assert sum(record.sent_ms > last for record in level.log if record.failure is None) > AT_ONCE
