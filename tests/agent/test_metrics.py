"""Figures of an engine, from a small HTTP server whose counters move with every look."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from zephyr_deploy.agent import metrics
from zephyr_deploy.release.request import figures

TEXT = """# HELP tgi_queue_size Requests waiting
# TYPE tgi_queue_size gauge
tgi_queue_size 3
tgi_batch_current_size {running}
tgi_request_count 17
tgi_request_generated_tokens_bucket{{le="1"}} 4
tgi_request_generated_tokens_bucket{{le="+Inf"}} 17
tgi_request_generated_tokens_sum {tokens}
tgi_request_generated_tokens_count 17
tgi_request_failure{{err="overloaded"}} 2
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a 1", {"a": 1.0}),
        ('a{x="1"} 1\na{x="2"} 2.5e1', {"a": 26.0}),
        ('a{le="+Inf",x="}"} 4', {"a": 4.0}),
        ("a NaN\na +Inf\n# a 3\nab 4\na_sum 5\na x", {}),
        ("", {}),
    ],
)
def test_figures_of_prometheus_text(text, expected):
    assert metrics.read_figures(text, {"a"}) == expected


class Engine:
    """Serves /metrics; ``tokens`` grow by a hundred a look. It leaves out everything else of an engine."""

    def __init__(self, running):
        self.tokens, self.looks, outer = 1000, 0, self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                found = self.path == "/metrics"
                self.send_response(200 if found else 404)
                self.end_headers()
                if found:
                    outer.looks += 1
                    self.wfile.write(TEXT.format(running=running, tokens=outer.tokens).encode())
                    outer.tokens += 100

            def log_message(self, *_args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def start(monkeypatch):
    monkeypatch.setattr(metrics, "BETWEEN_S", 0.05)
    engines = []

    def run(running):
        engines.append(Engine(running))
        return engines[-1]

    yield run
    for engine in engines:
        engine.close()


def test_a_working_engine_is_looked_at_twice(start):
    engine = start(running=4)
    found = metrics.rates(engine.port, figures("tgi"))
    assert engine.looks == 2
    assert {name: found[name] for name in ("running", "queued", "requests", "generated_tokens")} == {
        "running": 4,
        "queued": 3,
        "requests": 17,
        "generated_tokens": 1100,
    }
    assert found["tokens_per_s"] == pytest.approx(100 / found["tokens_per_s_over"])
    assert found["tokens_per_s_over"] >= 0.05


def test_nothing_at_the_port_is_no_figures():
    engine = Engine(0)
    engine.close()
    assert metrics.rates(engine.port, figures("tgi")) == {}
    assert metrics.version(engine.port, "/info") == ""


def test_an_idle_engine_is_looked_at_once(start, monkeypatch):
    monkeypatch.setattr(f"{__name__}.TEXT", TEXT.replace("tgi_queue_size 3", "tgi_queue_size 0"))
    engine = start(running=0)
    found = metrics.rates(engine.port, figures("tgi"))
    assert (found["tokens_per_s"], found["tokens_per_s_over"], engine.looks) == (0, 0, 1)
