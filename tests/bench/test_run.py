"""The whole benchmark against a server whose misdeeds are known."""

from __future__ import annotations

import asyncio
import json
import threading
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from emulators import scripted

from zephyr_deploy.bench.run import bench, run
from zephyr_deploy.bench.spec import BenchSpec
from zephyr_deploy.endpoint.types import Endpoint
from zephyr_deploy.errors import OverloadedError, UnauthorizedError, UnreachableError, ZephyrError
from zephyr_deploy.events import PhaseFinished, PhaseProgress
from zephyr_deploy.spec.secret import Secret


def measure(endpoint_at, script, spec, listener=lambda event: None):
    async def inner():
        async with scripted.serving(script) as (server, url):
            return server, await run(endpoint_at(url), spec, listener)

    return asyncio.run(inner())


def quick(**changes):
    return BenchSpec(**{"concurrency": (2,), "requests": 8, "warmup": 0, "deadline_s": 20.0, **changes})


CLIENTS = pytest.mark.parametrize("client", ["openai", "native", "tgi"])


class Repeats(BaseHTTPRequestHandler):
    """Refuses, and repeats the key that it was shown."""

    def do_POST(self):
        said = json.dumps({"error": f"not with {self.headers['Authorization']}"}).encode()
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(400)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_args):
        """Nothing is written."""


def test_a_key_that_the_server_repeats_is_not_in_the_report():
    with ThreadingHTTPServer(("127.0.0.1", 0), Repeats) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        endpoint = Endpoint(name="x", url=url, engine="tgi", model_id="m", api_key=Secret("hush-hush"))
        report = bench(endpoint, quick(requests=2))
        with pytest.raises(ZephyrError) as caught:
            bench(endpoint, quick(requests=2, warmup=1))
        server.shutdown()
    (said,) = report.levels[0].error_examples.values()
    assert "not with Bearer [REDACTED]" in said
    assert "not with Bearer [REDACTED]" in caught.value.message
    assert "hush" not in f"{caught.value} {caught.value.hint} {caught.value.details}"
    assert "hush" not in report.model_dump_json()


@CLIENTS
def test_counts_what_the_server_counts(endpoint_at, client):
    script = scripted.Script(events=5)
    _, report = measure(endpoint_at, script, quick(client=client, price_per_hour_usd=Decimal("3.6")))
    (level,) = report.levels
    assert (level.requests, level.succeeded, level.errors) == (8, 8, {})
    assert level.tokens_counted_by == "server"
    assert level.output_tokens.p50 == level.output_tokens.max == 5
    assert level.prompt_tokens is None if client == "tgi" else level.prompt_tokens.p50 == 11
    assert level.ttft_ms.n == level.e2e_ms.n == level.tpot_ms.n == 8
    assert level.itl_ms.n == 8 * 4
    assert level.requests_per_s == pytest.approx(8 / level.seconds)
    assert level.output_tokens_per_s == pytest.approx(40 / level.seconds)
    assert level.usd_per_million_output_tokens == pytest.approx(1000 / level.output_tokens_per_s)


@CLIENTS
@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        ("429", "overloaded"),
        ("401", "unauthorized"),
        ("error_event", "overloaded"),
        ("truncated", "incomplete"),
        ("cut", "incomplete"),
    ],
)
def test_failures_are_counted_by_kind_and_in_no_figure(endpoint_at, client, behaviour, kind):
    script = scripted.Script(behaviours=["ok", behaviour])
    _, report = measure(endpoint_at, script, quick(client=client, concurrency=(1,)))
    (level,) = report.levels
    assert level.errors == {kind: 4}
    assert level.error_examples[kind]
    assert level.succeeded == 4
    assert {level.ttft_ms.n, level.e2e_ms.n, level.tpot_ms.n, level.output_tokens.n} == {4}
    assert level.itl_ms.n == 4 * 3
    assert level.output_tokens_per_s == pytest.approx(16 / level.seconds)


def test_every_kind_keeps_its_own_count(endpoint_at):
    script = scripted.Script(behaviours=["429", "truncated", "500", "ok", "hangup"])
    _, report = measure(endpoint_at, script, quick(concurrency=(1,), requests=10))
    assert report.levels[0].errors == {"overloaded": 2, "incomplete": 4, "http_500": 2}


@CLIENTS
def test_a_server_that_never_answers_meets_the_deadline(endpoint_at, client):
    script = scripted.Script(behaviours=["silent"])
    spec = quick(client=client, concurrency=(2,), requests=2, deadline_s=0.3)
    _, report = measure(endpoint_at, script, spec)
    (level,) = report.levels
    assert level.errors == {"deadline": 2}
    assert level.ttft_ms is level.e2e_ms is level.itl_ms is None
    assert level.seconds < 10


def test_warmup_is_sent_and_in_no_figure(endpoint_at):
    script = scripted.Script(behaviours=["429", "429", "ok"] + ["ok"] * 8)
    server, report = measure(endpoint_at, script, quick(concurrency=(1,), warmup=3))
    (level,) = report.levels
    assert len(server.prompts) == 11
    assert (level.warmup_requests, level.warmup_errors) == (3, 2)
    assert (level.requests, level.errors, level.ttft_ms.n) == (8, {}, 8)


def test_warmup_opens_the_connections(endpoint_at):
    server, report = measure(endpoint_at, scripted.Script(), quick(warmup=None, concurrency=(3,)))
    assert server.connections == 3
    assert report.levels[0].connect_ms is None


def test_without_warmup_new_connections_are_reported_apart(endpoint_at):
    server, report = measure(endpoint_at, scripted.Script(), quick(concurrency=(3,)))
    assert report.levels[0].connect_ms.n == server.connections == 3


@pytest.mark.parametrize(("behaviour", "error"), [("401", UnauthorizedError), ("429", OverloadedError)])
def test_a_warmup_that_only_fails_ends_the_run(endpoint_at, behaviour, error):
    with pytest.raises(error):
        measure(endpoint_at, scripted.Script(behaviours=[behaviour]), quick(warmup=2))


@CLIENTS
def test_nobody_there(endpoint_at, client):
    with pytest.raises(UnreachableError):
        bench(endpoint_at("http://127.0.0.1:1"), quick(client=client, warmup=1))


def test_levels_send_the_same_prompts_in_every_run_and_never_one_twice(endpoint_at):
    spec = quick(concurrency=(1, 4), requests=6, warmup=2, seed=5)
    first, _ = measure(endpoint_at, scripted.Script(), spec)
    second, _ = measure(endpoint_at, scripted.Script(), spec)
    assert sorted(first.prompts) == sorted(second.prompts)
    assert len(set(first.prompts)) == len(first.prompts) == 16


def test_a_level_of_time_ends_and_waits_for_what_it_started(endpoint_at):
    spec = quick(requests=None, duration_s=0.3, concurrency=(2,))
    server, report = measure(endpoint_at, scripted.Script(itl_s=0.02), spec)
    (level,) = report.levels
    assert level.requests == level.succeeded == len(server.prompts) >= 2
    assert level.seconds >= 0.3


def test_says_how_far_it_is(endpoint_at):
    events = []
    measure(endpoint_at, scripted.Script(), quick(concurrency=(1, 2), requests=3), events.append)
    told = {event.phase: event for event in events if isinstance(event, PhaseProgress)}
    assert [(one.done, one.total) for one in told.values()] == [(3, 3), (3, 3)]
    assert "requests/s, TTFT" in told["bench-2"].detail
    assert sum(isinstance(event, PhaseFinished) for event in events) == 2


def test_report_survives_json(endpoint_at):
    _, report = measure(endpoint_at, scripted.Script(behaviours=["ok", "429"]), quick())
    assert type(report).model_validate_json(report.model_dump_json()) == report


def test_a_password_in_the_address_is_nowhere(endpoint_at):
    def with_password(url):
        return endpoint_at(url.replace("http://", "http://me:hush-hush@"))

    _, report = measure(with_password, scripted.Script(), quick())
    assert report.levels[0].succeeded == 8
    assert report.target.url.startswith("http://127.0.0.1:")
    assert "hush" not in report.model_dump_json()
    for url in ("http://127.0.0.1:1", "http://127.0.0.1:99999"):
        with pytest.raises(ZephyrError) as caught:
            bench(with_password(url), quick(warmup=1))
        assert "hush" not in f"{caught.value} {caught.value.hint}"
