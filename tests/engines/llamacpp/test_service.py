"""The service as a process: how it starts, drains, fails and ends."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import psutil
import pytest
from starlette.applications import Starlette

from zephyr_deploy.engines.llamacpp.causes import CAUSES
from zephyr_deploy.engines.llamacpp.engine import ENGINE_MODULE
from zephyr_deploy.engines.llamacpp.service import _web_server, bind
from zephyr_deploy.engines.llamacpp.settings import API_KEY_ENV, ServiceSettings
from zephyr_deploy.engines.llamacpp.spec import SERVICE_MODULE

COUNT = "Count: 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,"
KEY = "the-key"


class Running:
    """A service of a test, and what the test asks of it."""

    def __init__(self, folder, settings, port=None):
        self.log = folder / "service.log"
        file = folder / "service.json"
        file.write_text(settings.model_dump_json())
        listener = None if port else bind(0)
        self.port = listener.getsockname()[1] if listener else port
        options = {"--name": "t", "--release": "0", "--model": "m", "--port": str(self.port), "--settings": str(file)}
        if listener:  # handed over: nobody can take the port in between
            options["--listener"] = str(listener.fileno())
        with self.log.open("ab") as log, listener or contextlib.nullcontext():
            self.process = subprocess.Popen(
                [sys.executable, "-m", SERVICE_MODULE, *(word for option in options.items() for word in option)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, API_KEY_ENV: KEY},
                start_new_session=True,
                pass_fds=[listener.fileno()] if listener else [],
            )

    def said(self, words, within_s=60):
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            if words in self.log.read_text():
                return True
            time.sleep(0.02)
        raise AssertionError(f"the log does not say {words!r}:\n{self.log.read_text()}")

    def ready(self):
        self.said(" ready: ")
        deadline = time.monotonic() + 10
        while not self.answers():
            assert time.monotonic() < deadline
        return self

    def answers(self):
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/health", trust_env=False).status_code == 200
        except (httpx.ConnectError, httpx.ReadError, httpx.RemoteProtocolError):
            return False  # refused, or connected at the very moment at which the port was closed

    def stream(self, tokens):
        """Events of one generation, as far as they come."""
        body = {"inputs": COUNT, "parameters": {"max_new_tokens": tokens, "details": True}}
        url, headers = f"http://127.0.0.1:{self.port}/generate_stream", {"Authorization": f"Bearer {KEY}"}
        with httpx.stream("POST", url, json=body, headers=headers, timeout=60, trust_env=False) as answer:
            assert answer.status_code == 200, answer.read()
            for line in answer.iter_lines():
                if line.startswith("data:"):
                    yield json.loads(line[5:])

    def engine(self):
        return next(p for p in psutil.Process(self.process.pid).children() if ENGINE_MODULE in p.cmdline())

    def session(self):
        """What runs in the service's session."""
        return [p for p in psutil.process_iter() if session_of(p) == self.process.pid and p.status() != "zombie"]


def session_of(process):
    try:
        return os.getsid(process.pid)
    except ProcessLookupError:
        return None


@pytest.fixture
def start(request, tmp_path):
    """Start a service; at the end of the test nothing of it may be left."""
    started = []

    def start(port=None, **more):
        path = more.pop("model_path", None) or request.getfixturevalue("model_path")
        settings = ServiceSettings(model_path=str(path), model_id="m", model_sha256="0" * 64, parallel=1, **more)
        started.append(Running(tmp_path, settings, port))
        return started[-1]

    yield start
    for service in started:
        service.process.kill()
        service.process.wait(10)
        deadline = time.monotonic() + 10
        while service.session() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert service.session() == []


@pytest.mark.engine
def test_refused_until_ready_then_stopped_in_order(start):
    service = start()
    service.said("model loaded")
    service.ready()
    service.process.send_signal(signal.SIGTERM)
    assert service.process.wait(10) == 0
    told = [line.split("Z ", 1)[1].split(" ")[0].rstrip(":") for line in service.log.read_text().splitlines()]
    assert told == ["starting", "loading", "model", "first", "ready", "draining", "stopped"]
    assert service.session() == []


@pytest.mark.engine
def test_the_port_is_taken_but_closed_while_it_loads(start):
    service = start()
    service.said("loading")
    with pytest.raises(OSError, match="in use"):
        bind(service.port)
    assert not service.answers()


@pytest.mark.engine
def test_stopped_while_it_loads(start):
    service = start()
    service.said("loading")
    service.process.send_signal(signal.SIGINT)
    assert service.process.wait(10) == 0
    assert service.session() == []


@pytest.mark.engine
def test_a_running_request_ends_whole_and_new_ones_are_refused(start):
    service = start().ready()
    events = service.stream(60)
    first = next(events)
    service.process.send_signal(signal.SIGTERM)
    service.said("draining: 1 running")
    deadline = time.monotonic() + 10  # uvicorn looks ten times a second, on a quiet machine
    while service.answers():
        assert time.monotonic() < deadline
    rest = list(events)
    assert service.process.wait(20) == 0
    assert first["generated_text"] is None
    assert rest[-1]["details"]["generated_tokens"] == 60


@pytest.mark.engine
def test_a_successor_can_take_the_port_while_connections_linger(start):
    service = start().ready()
    with socket.create_connection(("127.0.0.1", service.port)) as kept_alive:
        kept_alive.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert kept_alive.recv(100)
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(10) == 0
    assert {c.status for c in psutil.net_connections("tcp") if c.laddr.port == service.port} == {psutil.CONN_TIME_WAIT}
    bind(service.port).close()


@pytest.mark.engine
def test_draining_has_a_bound(start):
    service = start(drain_s=1).ready()
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(lambda: list(service.stream(1900)))
        service_busy(service)
        service.process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        assert service.process.wait(20) == 0
        assert 0.9 < time.monotonic() - began < 10
        assert isinstance(asked.exception(30), httpx.TransportError) or "error" in asked.result()[-1]


def service_busy(service, within_s=20):
    headers = {"Authorization": f"Bearer {KEY}"}
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        text = httpx.get(f"http://127.0.0.1:{service.port}/metrics", headers=headers, trust_env=False).text
        if "tgi_batch_current_size 1" in text:
            return
        time.sleep(0.02)
    raise AssertionError("no request runs")


@pytest.mark.engine
def test_a_dead_engine_ends_the_service_and_fails_what_runs(start):
    service = start().ready()
    events = service.stream(1900)
    next(events)
    service.engine().kill()
    last = None
    try:
        for event in events:
            last = event
    except httpx.TransportError:
        last = {"error": "broken off"}
    assert "error" in last
    assert service.process.wait(15) == 1
    assert service.said("failed: the engine was killed by signal 9")


@pytest.mark.engine
def test_an_engine_that_dies_while_it_loads(start):
    service = start()
    service.said("loading")
    deadline = time.monotonic() + 10
    while not psutil.Process(service.process.pid).children() and time.monotonic() < deadline:
        time.sleep(0.005)
    psutil.Process(service.process.pid).children()[0].kill()
    assert service.process.wait(15) == 1
    service.said("failed: the engine was killed by signal 9")


@pytest.mark.engine
def test_the_engine_goes_with_a_killed_service(start):
    service = start().ready()
    engine = service.engine()
    service.process.kill()
    service.process.wait(10)
    gone, left = psutil.wait_procs([engine], timeout=10)
    assert (len(gone), left) == (1, [])


@pytest.mark.engine
@pytest.mark.parametrize(
    ("content", "cause"),
    [(b"no model at all, but long enough", "not a GGUF file"), (None, "cut short")],
)
def test_a_bad_model_is_named_in_the_log(start, tmp_path, model_path, content, cause):
    bad = tmp_path / "bad.gguf"
    bad.write_bytes(content or model_path.read_bytes()[:60_000_000])
    service = start(model_path=bad)
    assert service.process.wait(30) == 1
    from zephyr_deploy.engines.base import diagnose

    assert cause in diagnose(CAUSES, service.log.read_text().splitlines()).cause


def test_a_taken_port_is_said_at_once(start, tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        service = start(port=port, model_path=tmp_path / "never-looked-at.gguf")
        assert service.process.wait(20) == 1
    service.said(f"failed: port {port} is taken")


def test_an_idle_connection_outlives_the_pauses_of_a_client():
    """Closed by the server while the client sends its next request, a connection takes that request with it."""
    assert _web_server(Starlette(), drain_s=1).config.timeout_keep_alive >= 600
