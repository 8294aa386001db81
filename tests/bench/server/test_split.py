"""Where the time to the first token goes, and how it is said."""

from __future__ import annotations

import pytest

from zephyr_deploy.bench.server.split import split_of
from zephyr_deploy.bench.server.view import Series, ServerView, Times
from zephyr_deploy.bench.server.words import words_of
from zephyr_deploy.bench.stats import spread_of

TTFT, RTT = spread_of([50.0, 70.0]), spread_of([1.0, 3.0])
QUEUE = Times(name="queue", title="Wait", n=2, mean_ms=12, p50_ms=None, p99_ms=None)


def test_the_parts_are_the_whole():
    split = split_of(TTFT, RTT, [QUEUE])
    assert (split.ttft_ms, split.network_ms, split.queue_ms, split.engine_ms) == (60, 2, 12, 46)
    assert "2 requests" in split.source


def test_what_nobody_knows_is_in_the_engine():
    assert split_of(TTFT, None, [QUEUE]).engine_ms == 48
    assert split_of(TTFT, RTT, []).engine_ms == 58
    assert "does not say" in split_of(TTFT, RTT, []).source
    assert split_of(TTFT, None, []) is None
    assert split_of(None, RTT, [QUEUE]) is None


def test_a_tunnel_s_round_trip_is_network_too():
    split = split_of(TTFT, RTT, [QUEUE], beyond_ms=20)
    assert (split.network_ms, split.engine_ms) == (22, 26)
    assert "SSH" in split.source


def test_the_queue_of_a_few_says_nothing_of_all():
    many = spread_of([50.0] * 100)
    assert split_of(many, RTT, [QUEUE]).queue_ms is None


def test_parts_greater_than_the_whole_are_no_parts():
    assert split_of(spread_of([5.0, 5.0]), RTT, [QUEUE]) is None


def series(name, *values):
    return Series(name=name, title=name, unit="", points=tuple(enumerate(values)))


def test_one_line_says_it():
    view = ServerView(
        series=(
            series("running", 17, 19),
            series("queue", 0, 4),
            series("kv", 43.2),
            series("gpu_use@a", 95, 97),
            series("gpu_use@b", 94, 98),
            series("gpu_power@a", 287),
            series("gpu_power@b", 13),
        ),
        split=split_of(TTFT, RTT, [QUEUE]),
        energy_j=1000,
        energy_j_per_1k_tokens=123.4,
    )
    assert words_of(view) == (
        "mean TTFT 60 ms = network 2 + queue 12 + engine 46; batch 18; 2 waiting; KV cache 43 %; GPU 96 %; 300 W; "
        "123 J for 1,000 tokens"
    )
    assert words_of(ServerView()) == ""


@pytest.mark.parametrize("values", [(), (0.0,)])
def test_nothing_is_said_of_an_empty_series(values):
    assert words_of(ServerView(series=(series("queue", *values),))) == ("0 waiting" if values else "")
