"""A benchmark with its server watched: what comes into the report, and what does not."""

from __future__ import annotations

import asyncio

import bench_reports
import pytest
from emulators import scripted
from emulators.metrics import MetricsServer, text_of

from zephyr_deploy.bench.report import BenchReport, LevelReport
from zephyr_deploy.bench.run import run
from zephyr_deploy.bench.server.beside import with_server
from zephyr_deploy.bench.server.gpus import gpu_row
from zephyr_deploy.bench.server.process import MetricsProcess
from zephyr_deploy.bench.server.readings import read
from zephyr_deploy.bench.server.view import ServerMachine
from zephyr_deploy.bench.server.witness import Seen
from zephyr_deploy.bench.spec import BenchSpec

SECOND = 1_000_000_000


def measured(endpoint_at, *witnesses):
    async def inner():
        async with scripted.serving(scripted.Script()) as (_, url):
            spec = BenchSpec(concurrency=(1, 2), requests=8, warmup=1, deadline_s=20.0)
            return await run(endpoint_at(url), spec, witnesses=witnesses)

    return asyncio.run(inner())


class Fixed:
    """A witness that has seen this, counted from the level's begin."""

    def __init__(self, seen=None, machine=""):
        self.marks, self.windows = 0, []
        self._seen, self._machine = seen, machine

    def mark(self):
        self.marks += 1

    def seen(self, began_ns, ended_ns):
        self.windows.append((began_ns, ended_ns))
        if self._seen:
            return self._seen
        readings = [read(text_of("vllm", 100), began_ns), read(text_of("vllm", 108), ended_ns)]
        gpus = [gpu_row("0, 96, 40, 21000, 250, 1590, 61", began_ns)]
        return Seen(readings=readings, gpus=gpus, machine=self._machine)

    def about(self):
        return ServerMachine()

    def close(self):
        pass


def test_nobody_watched(endpoint_at):
    assert {level.server for level in measured(endpoint_at).levels} == {None}


def test_a_level_is_marked_on_either_side(endpoint_at):
    witness = Fixed()
    report = measured(endpoint_at, witness)
    assert witness.marks == 4
    for level, (began, ended) in zip(report.levels, witness.windows, strict=True):
        assert (ended - began) / SECOND == pytest.approx(level.seconds, abs=1e-6)


def test_the_report_has_it_all_and_comes_back_from_json(endpoint_at):
    level = measured(endpoint_at, Fixed()).levels[0]
    assert level.server.named("queue")[0].points[0] == (0.0, 3.0)
    assert level.server.energy_j == pytest.approx(250 * level.seconds)
    assert level.server.energy_j_per_1k_tokens == pytest.approx(250 * level.seconds / 32 * 1000)
    assert {times.name: times.n for times in level.server.times} == {"queue": 8}
    report = measured(endpoint_at, Fixed())
    assert BenchReport.model_validate_json(report.model_dump_json()) == report


def test_several_machines_have_series_of_their_own_and_times_together(endpoint_at):
    level = measured(endpoint_at, Fixed(machine="a"), Fixed(machine="b")).levels[0]
    assert {one.name for one in level.server.named("queue")} == {"queue@a", "queue@b"}
    assert {times.name: times.n for times in level.server.times} == {"queue": 16}
    assert level.server.energy_j == pytest.approx(500 * level.seconds)


def test_text_of_nothing_known_is_noted(endpoint_at):
    seen = Seen(readings=[read("other_queue 3\n", 0), read("other_queue 3\n", 1)], notes=("One thing.",))
    server = measured(endpoint_at, Fixed(seen)).levels[0].server
    assert server.series == ()
    assert server.notes == ("One thing.", "The metrics are of no engine that is known here.")


def test_a_server_started_anew_is_noted_and_has_no_times():
    level = LevelReport.model_validate(bench_reports.level(2, 20))
    readings = [read(text_of("tgi", many), many * SECOND) for many in (100, 8, 16)]
    server = with_server(level, 0, [Fixed(Seen(readings=readings))]).server
    assert "started anew" in server.notes[0]
    assert server.times == ()
    assert server.named("queue")


def test_a_server_s_metrics_from_a_process(endpoint_at):
    with MetricsServer("sglang") as server:
        watch = MetricsProcess(endpoint_at(server.url))
        try:
            report = measured(endpoint_at, watch)
        finally:
            watch.close()
    for level in report.levels:
        assert level.server.notes == ()
        assert level.server.named("running")[0].mean == 18
        assert {times.name: times.n for times in level.server.times}["queue"] >= 8
