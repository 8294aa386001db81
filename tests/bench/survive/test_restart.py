"""A server that dies in the middle of a run, and one that is back a moment later."""

from __future__ import annotations

import subprocess
import threading
import time
from contextlib import ExitStack, contextmanager

import pytest
from bench.truth import ground_truth

from zephyr_deploy.bench.run import bench
from zephyr_deploy.bench.spec import BenchSpec

WAYS = pytest.mark.parametrize("client", ["openai", "tgi"])
SLOW = ("--ttft-ms", "30", "--itl-ms", "10", "--tokens", "8")
AT_ONCE = 4
KILLED_AFTER = 8
"""Answers after which it is killed: the next ones are under way."""


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
    with server(program) as (process, port), ExitStack() as stack:
        url = f"http://127.0.0.1:{port}"

        def kill():
            known = ground_truth.GroundTruth(url, process)
            while sum(served.end == "complete" for served in known.log().served) < KILLED_AFTER:
                time.sleep(0.01)
            process.kill()
            process.wait()
            if again:
                stack.enter_context(server(program, port))

        killer = threading.Thread(target=kill)
        killer.start()
        spec = BenchSpec(concurrency=(AT_ONCE,), requests=requests, warmup=0, client=client, deadline_s=20)
        (level,) = bench(endpoint_at(url), spec).levels
        killer.join(20)
    return level


@WAYS
def test_one_that_dies_fails_what_was_under_way_and_all_that_follows(endpoint_at, gtserver, client):
    level = measured(endpoint_at, gtserver, client, 40, again=False)
    assert level.succeeded >= KILLED_AFTER
    assert set(level.errors) <= {"incomplete", "unreachable"}
    assert level.errors["unreachable"] > 0
    assert level.succeeded + sum(level.errors.values()) == level.requests == 40
    assert level.ttft_ms.n == level.succeeded
    failed = [record.number for record in level.log if record.failure == "unreachable"]
    assert max(failed) == 39


@WAYS
def test_one_that_is_back_is_measured_on(endpoint_at, gtserver, client):
    level = measured(endpoint_at, gtserver, client, 60, again=True)
    assert 1 <= sum(level.errors.values()) < 60 - KILLED_AFTER
    assert set(level.errors) <= {"incomplete", "unreachable"}
    assert level.succeeded + sum(level.errors.values()) == 60
    last = max(record.ended_ms for record in level.log if record.failure)
    assert sum(record.sent_ms > last for record in level.log if record.failure is None) > AT_ONCE
