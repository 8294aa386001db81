"""A user and a password in an address are sent, and shown nowhere."""

from __future__ import annotations

import pytest
from emulators.tgi import FakeTgi, Script

from zephyr_deploy.bench.run import bench
from zephyr_deploy.bench.spec import BenchSpec
from zephyr_deploy.endpoint.faults import silent, unreachable
from zephyr_deploy.endpoint.types import Endpoint
from zephyr_deploy.endpoint.userinfo import basic, without_user


@pytest.mark.parametrize(
    ("url", "shown", "header"),
    [
        ("http://me:hush@host:80/v1", "http://host:80/v1", "Basic bWU6aHVzaA=="),
        ("https://me%40home@host", "https://host", "Basic bWVAaG9tZTo="),
        ("http://host/a@b", "http://host/a@b", None),
        ("http://[::1]:80", "http://[::1]:80", None),
    ],
)
def test_it_is_a_header_and_not_shown(url, shown, header):
    assert without_user(url) == shown
    assert basic(url).get("Authorization") == header


@pytest.mark.parametrize("fault", [silent, lambda url: unreachable(url, OSError("refused"))])
def test_no_fault_repeats_it(fault):
    message = fault("http://me:hush@host").message
    assert "http://host" in message
    assert "hush" not in message


def endpoint(url):
    return Endpoint(name="x", url=url.replace("://", "://me:hush@"), engine="tgi", model_id="m")


def test_a_benchmark_sends_it_with_each_request():
    with FakeTgi(Script(tokens=[" a", " b"], finish="length", max_input_tokens=9999)) as server:
        report = bench(endpoint(server.url), BenchSpec(concurrency=(1,), requests=2, warmup=0))
    assert report.levels[0].succeeded == 2
    sent = [one.headers.get("Authorization") for one in server.requests if one.path == "/v1/chat/completions"]
    assert sent == ["Basic bWU6aHVzaA=="] * 2
