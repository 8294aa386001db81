"""What a server may do to a benchmark, done by the ground-truth server: each is counted as what it is.

Its misdeeds are told in gtserver.c and shown in test_ground_truth.py.
"""

from __future__ import annotations

import pytest

from zephyr_deploy.bench.run import bench
from zephyr_deploy.bench.spec import BenchSpec

CLIENTS = pytest.mark.parametrize("client", ["openai", "completions", "native", "tgi"])
WAYS = pytest.mark.parametrize("client", ["openai", "tgi"])
"""Our own sockets, and the text-generation client."""
QUICK = ("--ttft-ms", 20, "--itl-ms", 2, "--tokens", 8)
MEGABYTES = ("--tokens", 4, "--ttft-ms", 1, "--itl-ms", 1, "--pad", 1_000_000)
STALL_MS = 1000
KINDS = {
    "ok": None,
    "bytes": None,
    "lump": None,
    "close": "incomplete",
    "reset": "incomplete",
    "truncated": "incomplete",
    "malformed": "malformed",
    "error": "overloaded",
    "garbage": "broken",
    "hangup": "incomplete",
    "401": "unauthorized",
    "429": "overloaded",
    "500": "http_500",
}
"""How each answer is counted; None: it is a good one."""


def measured(endpoint_at, server, requests, **changes):
    """The one level of a run."""
    asked = {"concurrency": (4,), "requests": requests, "warmup": 0, "deadline_s": 20.0, **changes}
    (level,) = bench(endpoint_at(server.url), BenchSpec(**asked)).levels
    return level


def expected(times):
    kinds = [kind for kind in KINDS.values() if kind]
    return {kind: times * kinds.count(kind) for kind in kinds}


@CLIENTS
def test_each_fault_among_good_answers_is_counted_as_what_it_is(truth, endpoint_at, client):
    with truth(*QUICK, "--modes", ",".join(KINDS), "--word", "é🙂", "--comment") as server:
        level = measured(endpoint_at, server, 2 * len(KINDS), client=client)
        log = server.settled(2 * len(KINDS))
    assert level.errors == expected(2)
    assert (level.succeeded, level.requests) == (6, 2 * len(KINDS))
    assert (level.output_tokens.n, level.output_tokens.max, level.tokens_counted_by) == (6, 8, "server")
    # One that was broken off keeps what came of it, and is in no figure.
    assert level.ttft_ms.n == level.e2e_ms.n == 6
    told = {record.failure: record for record in level.log}
    assert sorted(map(str, told)) == sorted({str(kind) for kind in KINDS.values()})
    assert [served.mode for served in log.served] == list(KINDS) * 2


@WAYS
def test_a_stall_is_one_gap_and_no_failure(truth, endpoint_at, client):
    with truth(*QUICK, "--modes", "stall,ok", "--stall-ms", STALL_MS) as server:
        level = measured(endpoint_at, server, 4, client=client)
    assert (level.errors, level.succeeded) == ({}, 4)
    long = [sum(gap >= STALL_MS * 900 for gap in record.gaps_us) for record in level.log]
    assert sorted(long) == [0, 0, 1, 1]
    assert level.itl_ms.max >= STALL_MS * 0.9
    assert level.ttft_ms.max < STALL_MS * 0.9 < level.e2e_ms.max


@pytest.mark.long
@WAYS
def test_a_stall_of_five_seconds(truth, endpoint_at, client):
    with truth(*QUICK, "--modes", "ok,stall", "--stall-ms", 5000) as server:
        level = measured(endpoint_at, server, 8, client=client)
    assert (level.errors, level.succeeded) == ({}, 8)
    assert sum(gap >= 4_900_000 for record in level.log for gap in record.gaps_us) == 4


@WAYS
def test_one_that_never_answers_holds_up_no_other(truth, endpoint_at, client):
    with truth(*QUICK, "--modes", "never,ok,ok,ok") as server:
        level = measured(endpoint_at, server, 16, client=client, deadline_s=1.0)
    assert (level.errors, level.succeeded) == ({"deadline": 4}, 12)
    assert {record.ttft_ms for record in level.log if record.failure} == {None}
    assert level.ttft_ms.max < 900


@WAYS
def test_ten_thousand_tokens_in_one_answer_one_by_one_and_in_one_chunk(truth, endpoint_at, client):
    with truth("--tokens", 10_000, "--itl-ms", 0.02, "--modes", "ok,lump", "--pad", 40) as server:
        level = measured(endpoint_at, server, 4, client=client, concurrency=(2,))
        log = server.settled(4)
    assert (level.errors, level.succeeded) == ({}, 4)
    assert level.output_tokens.p50 == level.output_tokens.max == 10_000
    assert [len(record.gaps_us) for record in level.log] == [9999] * 4
    assert {served.end for served in log.served} == {"complete"}


@pytest.mark.parametrize("client", ["openai", "completions", "native"])
def test_a_megabyte_a_token(truth, endpoint_at, client):
    with truth(*MEGABYTES) as server:
        level = measured(endpoint_at, server, 3, client=client, concurrency=(1,))
    assert (level.errors, level.succeeded) == ({}, 3)
    assert [len(record.gaps_us) for record in level.log] == [3] * 3


def test_a_megabyte_is_more_than_the_text_generation_client_reads(truth, endpoint_at):
    with truth(*MEGABYTES) as server:
        level = measured(endpoint_at, server, 3, client="tgi", concurrency=(1,))
    assert (level.errors, level.succeeded) == ({"malformed": 3}, 0)
