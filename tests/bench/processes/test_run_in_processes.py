"""A benchmark by several processes against a server whose misdeeds are known."""

from __future__ import annotations

import asyncio
import os

import pytest
from emulators import scripted

from zephyr_deploy.bench.run import run
from zephyr_deploy.bench.spec import BenchSpec
from zephyr_deploy.errors import OverloadedError, UnreachableError
from zephyr_deploy.events import PhaseProgress


def measure(endpoint_at, script, spec, listener=lambda event: None):
    async def inner():
        async with scripted.serving(script) as (server, url):
            return server, await run(endpoint_at(url), spec, listener)

    return asyncio.run(inner())


def spec(**changes):
    return BenchSpec(
        **{"concurrency": (3,), "requests": 10, "warmup": 0, "deadline_s": 20.0, "processes": 2, **changes}
    )


def test_the_figures_are_those_of_one_process(endpoint_at):
    alone, _ = measure(endpoint_at, scripted.Script(events=5), spec(processes=1))
    server, report = measure(endpoint_at, scripted.Script(events=5), spec())
    (level,) = report.levels
    assert (level.requests, level.succeeded, level.errors) == (10, 10, {})
    assert level.output_tokens.p50 == 5
    assert level.itl_ms.n == 10 * 4
    assert level.client.processes == 2
    assert server.connections == 3
    assert level.connect_ms.n == 3
    assert sorted(server.prompts) == sorted(alone.prompts)
    assert [record.number for record in level.log] == list(range(10))
    assert sorted(record.conversation for record in level.log) == list(range(10))
    assert level.client.stamped_share > 0


def test_failures_keep_their_kinds(endpoint_at):
    script = scripted.Script(behaviours=["429", "truncated", "500", "ok"])
    _, report = measure(endpoint_at, script, spec(requests=16))
    (level,) = report.levels
    assert level.errors == {"overloaded": 4, "incomplete": 4, "http_500": 4}
    assert level.error_examples["overloaded"]


def test_there_are_no_more_processes_than_workers(endpoint_at):
    _, report = measure(endpoint_at, scripted.Script(), spec(concurrency=(1, 2), processes=8))
    assert [level.client.processes for level in report.levels] == [1, 2]


def test_warmup_opens_the_connections(endpoint_at):
    server, report = measure(endpoint_at, scripted.Script(), spec(warmup=None, concurrency=(4,)))
    (level,) = report.levels
    assert (level.warmup_requests, level.connect_ms) == (4, None)
    assert server.connections == 8  # four of the process that warmed up


def test_a_warmup_that_only_fails_ends_the_run(endpoint_at):
    with pytest.raises(OverloadedError):
        measure(endpoint_at, scripted.Script(behaviours=["429"]), spec(warmup=4))


def test_nobody_there(endpoint_at):
    with pytest.raises(UnreachableError):
        asyncio.run(run(endpoint_at("http://127.0.0.1:1"), spec(warmup=2)))


def test_says_how_far_it_is(endpoint_at):
    events = []
    measure(endpoint_at, scripted.Script(itl_s=0.03), spec(), events.append)
    done = [event.done for event in events if isinstance(event, PhaseProgress)]
    assert done == sorted(done)
    assert done[-1] == 10


def test_no_process_is_left(endpoint_at, monkeypatch):
    forked, fork = [], os.fork

    def noted():
        forked.append(fork())
        return forked[-1]

    monkeypatch.setattr(os, "fork", noted)
    measure(endpoint_at, scripted.Script(), spec())
    assert len(forked) == 2
    for pid in forked:
        with pytest.raises(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
