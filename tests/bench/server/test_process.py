"""A process reads a server's metrics beside a benchmark, whatever that server does."""

from __future__ import annotations

import os
import signal
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from emulators.metrics import MetricsServer

from zephyr_deploy.bench.server import process
from zephyr_deploy.bench.server.process import MetricsProcess
from zephyr_deploy.endpoint.types import Endpoint
from zephyr_deploy.spec.secret import Secret


@contextmanager
def watching(url, key=""):
    endpoint = Endpoint(name="x", url=url, engine="tgi", model_id="m", api_key=Secret(key) if key else None)
    found = MetricsProcess(endpoint)
    try:
        yield found
    finally:
        found.close()


def level(watch, seconds=0.0):
    """What is seen of a level of that length."""
    watch.mark()
    began = time.perf_counter_ns()
    time.sleep(seconds)
    ended = time.perf_counter_ns()
    watch.mark()
    return watch.seen(began, ended)


def total(reading):
    return reading.total(["tgi_request_success"])


def test_a_level_has_a_reading_on_either_side_and_one_a_second():
    with MetricsServer() as server, watching(server.url) as watch:
        seen = level(watch, 1.1)
        assert watch.about().engine_version == "3.3.6-dev0"
    assert len(seen.readings) >= 3
    assert [total(one) for one in seen.readings][:3] == [8, 16, 24]
    assert seen.notes == ()
    assert server.connections == 1


def test_only_the_marked_readings_have_buckets():
    with MetricsServer() as server, watching(server.url) as watch:
        seen = level(watch, 1.1)
    have = ["tgi_request_queue_duration_bucket" in one.values for one in seen.readings]
    assert (have[0], have[-1]) == (True, True)
    assert not any(have[1:-1])
    assert all("tgi_request_queue_duration_sum" in one.values for one in seen.readings)
    assert all("tgi_batch_inference_count" not in one.values for one in seen.readings)


def test_levels_follow_each_other():
    with MetricsServer() as server, watching(server.url) as watch:
        assert [total(one) for one in level(watch).readings] == [8, 16]
        assert [total(one) for one in level(watch).readings] == [24, 32]


@pytest.mark.parametrize("fault", ["moved", "chunked", "closes"])
def test_ways_of_http_are_understood(fault):
    with MetricsServer(fault=fault) as server, watching(server.url) as watch:
        seen = level(watch)
    assert len(seen.readings) == 2
    assert seen.notes == ()


def test_the_key_is_sent():
    with MetricsServer(key="hush") as server, watching(server.url, "hush") as watch:
        assert len(level(watch).readings) == 2


def test_user_and_password_of_an_address_are_sent_and_in_no_argv():
    url = "http://me:hush@127.0.0.1/below"
    place, headers = process._request(Endpoint(name="x", url=url, engine="tgi", model_id="m"))
    assert place == "http://127.0.0.1/below"
    assert headers == {"Authorization": "Basic bWU6aHVzaA=="}


@pytest.mark.parametrize(("fault", "words"), [(404, "404"), (405, "405"), (401, "401")])
def test_a_server_without_metrics_is_asked_once_and_noted(fault, words):
    with MetricsServer(fault=fault) as server, watching(server.url) as watch:
        level(watch)
        seen = level(watch)
    assert seen.readings == []
    assert seen.notes == (f"The server's metrics could not be read: it answers /metrics with {words}.",)
    assert server.asked.count("/metrics") == 1


@pytest.mark.parametrize(("fault", "words"), [("garbage", "not HTTP"), (503, "with 503")])
def test_a_server_that_answers_something_else_is_noted(fault, words):
    with MetricsServer(fault=fault) as server, watching(server.url) as watch:
        seen = level(watch)
    assert seen.readings == []
    assert words in " ".join(seen.notes)


def test_a_silent_server_holds_nobody_up(monkeypatch):
    monkeypatch.setattr(process, "MARK_S", 0.2)
    with MetricsServer(fault="slow") as server, watching(server.url) as watch:
        began = time.monotonic()
        seen = level(watch)
        watch.close()
        assert time.monotonic() - began < 3
    assert seen.notes == ("The server's metrics could not be read: nothing came within the level.",)


def test_no_server_at_all():
    with watching("http://127.0.0.1:9") as watch:
        seen = level(watch)
        assert watch.about().engine_version is None
    assert seen.readings == []
    assert "refused" in seen.notes[0]


def test_a_process_that_is_gone_is_noted():
    with MetricsServer() as server, watching(server.url) as watch:
        watch.mark()
        os.kill(watch._pid, signal.SIGKILL)
        seen = level(watch)
    assert len(seen.readings) == 1  # from before
    assert seen.notes == ("The server's metrics could not be read: the process that reads them has ended.",)


def test_it_ends_with_its_owner(tmp_path):
    with MetricsServer() as server, watching(server.url) as watch:
        watch.mark()
        with Path(os.devnull).open("wb") as nobody:
            os.dup2(nobody.fileno(), watch._commands)
        assert os.waitpid(watch._pid, 0)[1] == 0
