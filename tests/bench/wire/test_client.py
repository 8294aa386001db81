"""The fast path over real sockets, against a server whose every byte is written here."""

from __future__ import annotations

import asyncio
import json
import socket
import sys

import pytest
from bench.wire.answers import CHUNKED, END, HEAD, chat, chat_body, chat_event, chunk, event, plain
from bench.wire.server import CLOSE, RESET, UNREAD, endpoint_at, sent
from bench_asks import asked

from zephyr_deploy.bench.asks import Ask, Turn
from zephyr_deploy.bench.failures import kind_of
from zephyr_deploy.bench.spec import BenchSpec
from zephyr_deploy.bench.wire.client import _head, open_wire
from zephyr_deploy.bench.wire.dialects import dialect_of
from zephyr_deploy.bench.wire.pool import Pool
from zephyr_deploy.errors import UsageError
from zephyr_deploy.spec.secret import Secret

OVERLOADED = b'{"error":"Model is overloaded","error_type":"overloaded"}'


def kinds(samples):
    return [sample.failure and kind_of(sample.failure) for sample in samples]


def test_a_request_is_one_piece_of_http():
    server, (sample,) = sent([chat("a", "b")])
    head, body = server.requests[0]
    assert head.startswith(b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:")
    assert json.loads(body)["messages"] == [{"role": "user", "content": "hello"}]
    assert (sample.failure, sample.text, sample.tokens) == (None, "ab", 2)
    assert sample.taken_ns < sample.sent_ns < sample.events[0].at_ns < sample.ended_ns
    assert 0 < sample.connect_ns < sample.sent_ns - sample.taken_ns


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux stamps and tells the round trip this way")
def test_the_kernel_stamps_and_tells_the_round_trip():
    _, samples = sent([CHUNKED, 0.01, chunk(event(b"{}")), *map(chunk, chat_body("a", "b")), END], count=3)
    assert all(one.lag_ns is not None for sample in samples for one in sample.events)
    assert all(0 < sample.rtt_ns < 10**9 for sample in samples)


def test_connections_are_kept_whatever_the_answer_was():
    answers = [chat("a")], [plain(b"429 X", OVERLOADED)], [plain(b"401 X")], [CHUNKED, chunk(event(OVERLOADED)), END]
    server, samples = sent(*answers, [CHUNKED, chunk(b"data: {no\n\n"), END], [chat("b")])
    assert kinds(samples) == [None, "overloaded", "unauthorized", "overloaded", "malformed", None]
    assert server.connections == 1
    assert [sample.connect_ns is None for sample in samples] == [False, True, True, True, True, True]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ([CLOSE], "incomplete"),
        ([CHUNKED, chunk(chat_event("a")), CLOSE], "incomplete"),
        ([CHUNKED, chunk(chat_event("a")), 0.02, RESET], "incomplete"),
        ([CHUNKED, chunk(chat_event("a"))[:-20], CLOSE], "incomplete"),
        ([b"SSH-2.0-OpenSSH_9.2\r\n"], "broken"),
        ([b"HTTP/1.1 200 OK\r\nA: b\r\n", CLOSE], "incomplete"),
        ([plain(b"500 Oh", b"no", b"Connection: close"), CLOSE], "http_500"),
        ([CHUNKED, b"zz\r\n"], "broken"),
    ],
)
def test_after_a_broken_answer_the_next_request_takes_a_new_connection(answer, kind):
    server, samples = sent(answer, [chat("b")])
    assert kinds(samples) == [kind, None]
    assert server.connections == 2
    assert samples[1].connect_ns is not None


def test_a_server_that_closes_kept_connections_is_met_by_new_ones():
    server, samples = sent([chat("a"), CLOSE], count=3, pause_s=0.05)
    assert kinds(samples) == [None] * 3
    assert server.connections == 3


def test_an_event_of_a_hundred_thousand_brackets_is_none():
    _, samples = sent([CHUNKED, chunk(chat_event("a")), chunk(event(b"[" * 100_000)), END])
    assert kinds(samples) == ["malformed"]


def test_a_refusal_of_a_hundred_thousand_brackets_is_still_one():
    _, samples = sent([plain(b"429 X", b"[" * 100_000)])
    assert kinds(samples) == ["overloaded"]


@pytest.mark.parametrize(
    "usage",
    [
        b'{"completion_tokens":Infinity}',
        b'{"completion_tokens":1e30}',
        b'{"prompt_tokens":"x"}',
        b'{"prompt_tokens":[]}',
    ],
)
def test_counts_that_are_none_are_malformed(usage):
    counted = b'{"choices":[{"index":0,"delta":{"content":"b"}}],"usage":%s}' % usage
    _, samples = sent([CHUNKED, chunk(chat_event("a")), chunk(event(counted)), END])
    assert kinds(samples) == ["malformed"]


def test_slow_headers_and_slow_bytes():
    answer = chat("ü", "b")
    _, (sample,) = sent([answer[:9], 0.05, answer[9:60], 0.05, *(bytes([byte]) for byte in answer[60:])])
    assert (sample.failure, sample.text) == (None, "üb")


def test_ten_thousand_tokens_and_a_megabyte_in_one_event():
    long = [chunk(piece) for piece in chat_body(*[" t"] * 10_000)]
    _, samples = sent([CHUNKED, *long, END], [chat("x" * 1_000_000)])
    assert kinds(samples) == [None, None]
    assert (len(samples[0].events), samples[0].tokens) == (10_000, 10_000)
    assert len(samples[1].text) == 1_000_000


def test_a_request_larger_than_any_buffer_arrives_whole():
    server, (sample,) = sent([0.1, chat("a")], prompt="word " * 2_000_000)
    assert sample.failure is None
    assert len(server.requests[0][1]) > 10_000_000


def test_a_refusal_before_the_request_is_read_is_heard():
    _, samples = sent(
        [UNREAD, plain(b"413 X", b"length limit exceeded"), 0.3, CLOSE], [chat("a")], prompt="w " * 4_000_000
    )
    assert kinds(samples) in (["invalid_request", None], ["incomplete", None])


def test_without_length_the_close_ends_the_answer():
    server, samples = sent([HEAD + b"\r\n", *chat_body("a")[:-1], CLOSE], [HEAD + b"\r\n", *chat_body("b")])
    assert [sample.text for sample in samples] == ["a", "b"]
    assert server.connections == 2


def test_a_deadline_closes_the_connection_and_keeps_what_came():
    _, (sample,) = sent([CHUNKED, chunk(chat_event("a")), 20.0], deadline_s=1.5)
    assert kinds([sample]) == ["deadline"]
    assert len(sample.events) == 1


def test_nobody_listens():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    async def inner(url):
        async with open_wire(endpoint_at(url), BenchSpec()) as load:
            return await asked(load, "x", 10)

    for url in (f"http://127.0.0.1:{port}", "http://no-such-host.invalid:80"):
        assert kinds([asyncio.run(inner(url))]) == ["unreachable"]
    with pytest.raises(UsageError, match="not a URL"):
        Pool("http://127.0.0.1:99999")


def test_completions():
    texts = [event({"choices": [{"index": 0, "text": text, "finish_reason": ""}]}) for text in "ab"]
    last = event({"choices": [{"index": 0, "text": "", "finish_reason": "stop"}]})
    server, (sample,) = sent([CHUNKED, *map(chunk, [*texts, last, event(b"[DONE]")]), END], client="completions")
    head, body = server.requests[0]
    assert head.startswith(b"POST /v1/completions ")
    assert json.loads(body)["prompt"] == "hello"
    assert (sample.text, len(sample.events), sample.tokens) == ("ab", 2, 2)


def test_native_sends_what_the_text_generation_client_sends():
    dialect = dialect_of(endpoint_at("http://x"), BenchSpec(client="native"))
    assert dialect.path == "/generate_stream"
    parameters = {"do_sample": False, "max_new_tokens": 9, "details": True}
    assert json.loads(dialect.body(Ask(Turn("ü", 9)))) == {"inputs": "ü", "parameters": parameters}


def test_head():
    head = _head(endpoint_at("https://me:p%40ss@host:8443/base", api_key=None), "/generate_stream")
    assert head.startswith(b"POST /base/generate_stream HTTP/1.1\r\nHost: host:8443\r\n")
    assert b"\r\nAuthorization: Basic bWU6cEBzcw==\r\n" in head
    assert head.endswith(b"\r\n")
    assert not head.endswith(b"\r\n\r\n")
    assert b"\r\nAuthorization: Bearer k\r\n" in _head(endpoint_at("http://h", api_key=Secret("k")), "/x")
