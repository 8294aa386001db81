"""The rendered Caddyfiles: Caddy's own judgement, and what a real Caddy does with requests."""

import http.client
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import ThreadingHTTPServer

import pytest
from release.conftest import program
from release.real_caddy import (
    DEADLINE_S,
    ELSEWHERE,
    FIRST,
    HERE,
    KEY,
    REST,
    SITE,
    Engine,
    ask,
    environment,
    gateway,
    install,
    serving,
    stream,
)


def test_caddy_takes_every_file(release, tmp_path):
    caddy = program("caddy", "make setup")
    install(release.files["Caddyfile"], tmp_path, 18000)
    command = [caddy, "validate", "--adapter", "caddyfile", "--config", tmp_path / "Caddyfile"]
    done = subprocess.run(command, env=environment(tmp_path), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "Valid configuration" in done.stdout + done.stderr


def test_only_who_has_the_key_generates(tmp_path, engine):
    with gateway(tmp_path, engine) as (port, _):
        assert ask(port) == (200, b"{}")
        assert ask(port, key="")[0] == 401
        assert ask(port, key=KEY + "x")[0] == 401
        assert ask(port, "/metrics", method="GET", key="")[0] == 401
        assert ask(port, "/health", method="GET", key="") == (200, b"here")
        assert ask(port, "/health/../generate", key="")[0] == 401


def test_the_key_does_not_reach_the_engine(tmp_path, engine):
    with gateway(tmp_path, engine) as (port, _):
        ask(port)
    assert engine.seen
    assert all("Authorization" not in headers for headers, _ in engine.seen)


def test_without_a_key_anybody_on_the_machine_generates(tmp_path, engine):
    with gateway(tmp_path, engine, api_key=False) as (port, _):
        assert ask(port, key="") == (200, b"{}")


def test_an_exposed_endpoint_answers_its_network(tmp_path, engine):
    with gateway(tmp_path, engine, expose=True, domain=SITE, cidr=HERE) as (_, https):
        assert ask(https, tls=True) == (200, b"{}")
        assert ask(https, tls=True, key="")[0] == 401
        assert ask(https, "/metrics", tls=True, method="GET")[0] == 404


@pytest.mark.parametrize("path", ["/generate", "/health", "/metrics"])
def test_an_exposed_endpoint_answers_nobody_else(tmp_path, engine, path):
    with gateway(tmp_path, engine, expose=True, domain=SITE, cidr=ELSEWHERE) as (port, https):
        with pytest.raises((http.client.HTTPException, OSError)):
            ask(https, path, tls=True, method="GET")
        assert ask(port) == (200, b"{}")


def test_events_are_passed_on_at_once(tmp_path, engine):
    with gateway(tmp_path, engine) as (port, _), stream(port) as answer:
        assert answer.read(len(FIRST)) == FIRST
        engine.go_on.set()
        assert answer.read(len(REST)) == REST


def test_the_engine_learns_that_a_caller_has_left(tmp_path, engine):
    """Engines end a generation whose connection is closed; the GPU would work on for nobody otherwise."""
    with gateway(tmp_path, engine) as (port, _):
        caller = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_S)
        caller.request("POST", "/v1/chat/completions", b"{}", {"Authorization": f"Bearer {KEY}"})
        deadline = time.monotonic() + DEADLINE_S
        while not engine.seen and time.monotonic() < deadline:
            time.sleep(0.01)
        caller.close()
        assert engine.left.wait(5.0)


def test_a_request_with_a_body_waits_whole_for_an_engine(tmp_path, engine):
    """As many as at once wait where no engine listens yet, each with a body of its own."""
    port_of_engine = engine.server_port
    engine.shutdown()
    engine.server_close()
    bodies = [bytes([65 + n]) * 3000 for n in range(4)]
    with gateway(tmp_path, engine) as (port, _), ThreadPoolExecutor(len(bodies)) as pool:
        answers = [pool.submit(ask, port, body=body) for body in bodies]
        time.sleep(1.0)
        assert not any(answer.done() for answer in answers)
        late = ThreadingHTTPServer(("127.0.0.1", port_of_engine), Engine)
        late.seen = []
        with serving(late):
            assert [answer.result(DEADLINE_S) for answer in answers] == [(200, body) for body in bodies]
