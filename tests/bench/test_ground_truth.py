"""The ground-truth server itself: it sends when its log says so, and each of its faults is the one it is named for."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import statistics
import struct
import time
from itertools import accumulate, pairwise

import pytest
from bench.truth import ground_truth, observe, paired

SO_TIMESTAMPNS = 35
"""Of Linux; the socket module does not name it."""
MS = 1_000_000
PATHS = {"chat": "/v1/chat/completions", "completions": "/v1/completions", "tgi": "/generate_stream"}
LAST = b"\r\n0\r\n\r\n"
QUICK = ("--ttft-ms", 2, "--itl-ms", 1, "--tokens", 8)


OPEN = []


@pytest.fixture(autouse=True)
def _closed():
    yield
    while OPEN:
        OPEN.pop().close()


class Plain:
    """A socket that keeps what it received, piece by piece, with the kernel's stamps."""

    def __init__(self, url):
        host, port = url.removeprefix("http://").split(":")
        self.socket = socket.create_connection((host, int(port)), timeout=20)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.pieces = []
        OPEN.append(self.socket)

    def ask(self, api="chat", prompt="hello", path=None, headers="", **body):
        words = {"chat": {"messages": [{"role": "user", "content": prompt}]}, "tgi": {"inputs": prompt}}
        said = json.dumps({**words.get(api, {"prompt": prompt}), "stream": True, **body}).encode()
        head = f"POST {path or PATHS[api]} HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {len(said)}\r\n\r\n"
        self.pieces = []
        self.socket.sendall(head.encode() + said)
        return self

    def read(self):
        """Read one piece: whether there was one."""
        data, control, _, _ = self.socket.recvmsg(65536, socket.CMSG_SPACE(16))
        stamps = [struct.unpack("qq", value) for _, kind, value in control if kind == SO_TIMESTAMPNS]
        if data:
            self.pieces.append((stamps[0][0] * 1_000_000_000 + stamps[0][1] if stamps else None, data))
        return bool(data)

    def answer(self):
        """All of a chunked answer, or up to the end of the connection."""
        while not self.bytes.endswith(LAST) and self.read():
            pass
        return self.bytes

    def last_events(self):
        """(number, stamp) of the last event of each piece: what is read late comes in one, stamped as its last."""
        numbers = accumulate(data.count(b'"content":') for _, data in self.pieces)
        return [(number - 1, stamp) for number, (stamp, _) in zip(numbers, self.pieces, strict=True) if number]

    @property
    def bytes(self):
        return b"".join(data for _, data in self.pieces)


def chunks(answer):
    """What a whole chunked answer carries, chunk by chunk."""
    rest, found = answer.partition(b"\r\n\r\n")[2], []
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size, 16)
        found.append(rest[:length])
        assert rest[length : length + 2] == b"\r\n"
        rest = rest[length + 2 :]
    assert found.pop() == b""
    return found


def events(answer):
    return [json.loads(data) for data in re.findall(r"data: (\{.*\})\n\n", b"".join(chunks(answer)).decode())]


def one(truth, *options, api="chat", **request):
    """The answer to one request, and its line in the log."""
    with truth(*QUICK, *options) as server:
        answer = Plain(server.url).ask(api, **request).answer()
        return answer, server.settled(1).served[0]


def test_the_log_is_what_a_client_saw(truth):
    """Stamped by the kernel on both sides; the bounds are wide, and an event taken for its neighbour is 40 ms off."""
    seen, lags = [], []
    with truth("--ttft-ms", 80, "--itl-ms", 40, "--tokens", 6) as server:
        client = Plain(server.url)
        for _ in range(3):
            client.ask().answer()
            seen.append(client.last_events())
        log = server.settled(3)
    for stamps, served in zip(seen, log.served, strict=True):
        assert served.stamped
        assert served.first_byte_ns == served.received_ns
        assert served.end == "complete"
        assert len(served.sent_ns) == 6
        lags += [stamp - served.sent_ns[number] for number, stamp in stamps]
        assert all(sent >= due for due, sent in zip(served.due_ns, served.sent_ns, strict=True))
    assert min(lags) >= 0
    assert statistics.median(lags) < 5 * MS
    assert log.own.events == 18
    assert 0 <= log.own.late_p50_ns <= log.own.late_p99_ns <= log.own.late_max_ns
    assert log.own.late_p50_ns < 20 * MS


def test_the_schedule_is_as_asked_and_the_seed_repeats_it(truth):
    def planned(seed):
        with truth(
            "--ttft-ms", 20, "--ttft-jitter", 0.5, "--itl-ms", 4, "--itl-jitter", 0.25, "--seed", seed
        ) as server:
            client = Plain(server.url)
            for _ in range(3):
                client.ask().answer()
            return [[due - s.first_byte_ns for due in s.due_ns] for s in server.settled(3).served]

    schedules = planned(1)
    assert schedules == planned(1)
    assert schedules != planned(2)
    assert all(10 * MS <= dues[0] <= 30 * MS for dues in schedules)
    gaps = [later - earlier for dues in schedules for earlier, later in pairwise(dues)]
    assert all(3 * MS <= gap <= 5 * MS for gap in gaps)
    assert max(gaps) - min(gaps) > 1.5 * MS
    assert statistics.mean(gaps) == pytest.approx(4 * MS, rel=0.05)


def test_offset_leads_to_the_monotonic_clock(truth):
    before = time.perf_counter_ns()
    _, served = one(truth)
    assert before <= served.received_ns - served.offset_ns <= served.sent_ns[-1] - served.offset_ns
    assert served.sent_ns[-1] - served.offset_ns <= time.perf_counter_ns()


@pytest.mark.parametrize(
    ("client", "api"), [("openai", "chat"), ("completions", "completions"), ("native", "tgi"), ("tgi", "tgi")]
)
def test_our_clients_read_it(truth, endpoint_at, client, api):
    with truth(*QUICK, "--role-chunk", "--comment") as server:
        samples = asyncio.run(observe(endpoint_at(server.url), client, 6))
        log = server.settled(6)
    assert [sample.failure for sample in samples.values()] == [None] * 6
    assert [(len(sample.events), sample.generated_tokens) for sample in samples.values()] == [(8, 8)] * 6
    assert {(served.api, served.end) for served in log.served} == {(api, "complete")}
    assert all(any(prompt.startswith(served.prompt) for prompt in samples) for served in log.served)


def test_openai_streams(truth):
    answer, _ = one(truth, stream_options={"include_usage": True})
    *tokens, usage = events(answer)
    assert [token["choices"][0]["delta"]["content"] for token in tokens] == ["r0", *(f" t{n}" for n in range(2, 9))]
    assert [token["choices"][0]["finish_reason"] for token in tokens] == [None] * 7 + ["length"]
    assert (usage["choices"], usage["usage"]["completion_tokens"]) == ([], 8)
    assert answer.endswith(b"data: [DONE]\n\n" + LAST)
    plain, served = one(truth, api="completions", prompt="once")
    assert [token["choices"][0]["text"] for token in events(plain)][:2] == ["r0", " t2"]
    assert (len(events(plain)), served.api, served.prompt) == (8, "completions", "once")


def test_several_tokens_an_event_with_running_usage(truth):
    asked = {"include_usage": True, "continuous_usage_stats": True}
    answer, served = one(truth, "--tokens", 8, "--tokens-per-event", 3, stream_options=asked)
    assert [event["usage"]["completion_tokens"] for event in events(answer)] == [3, 6, 8, 8]
    assert len(served.sent_ns) == 3


@pytest.mark.parametrize("path", ["/generate_stream", "/"])
def test_tgi_stream(truth, path):
    answer, served = one(truth, api="tgi", path=path)
    said = events(answer)
    assert [event["index"] for event in said] == list(range(1, 9))
    assert said[-1]["generated_text"] == "".join(event["token"]["text"] for event in said)
    assert said[-1]["details"]["generated_tokens"] == served.tokens == 8
    assert b"[DONE]" not in answer


def test_what_names_a_request(truth):
    parts = [{"role": "user", "content": [{"type": "text", "text": "parts of it"}]}]
    _, served = one(truth, headers="X-Request-ID: abc-1\r\n", messages=parts)
    assert (served.id, served.prompt) == ("abc-1", "parts of it")
    _, served = one(truth, api="tgi", prompt='says "inputs": well')
    assert served.prompt == "says "


HALF = 4
FAULTS = {
    "close": ("server closed", HALF),
    "reset": ("server reset", HALF),
    "truncated": ("truncated", HALF),
    "error": ("error event", HALF),
    "hangup": ("hangup", 0),
    "garbage": ("garbage", 0),
    "401": ("refused", 0),
    "429": ("refused", 0),
    "500": ("refused", 0),
}


@pytest.mark.parametrize("mode", FAULTS)
def test_faults_end_where_they_say(truth, mode):
    with truth(*QUICK, "--modes", mode) as server:
        client = Plain(server.url).ask(headers="Connection: close\r\n")
        try:
            answer = client.answer()
        except ConnectionResetError:
            assert mode == "reset"
            answer = client.bytes
        served = server.settled(1).served[0]
    assert (served.mode, served.end, len(served.sent_ns)) == (mode, *FAULTS[mode])
    assert answer.count(b'"content":"') == FAULTS[mode][1]
    assert answer.endswith(LAST) == (mode in {"truncated", "error"})
    assert answer.count(b"[DONE]") == (mode == "error")
    assert (b"Model is overloaded" in answer) == (mode in {"429", "error"})
    if mode.isdigit():
        assert answer.startswith(f"HTTP/1.1 {mode} ".encode())
    if mode == "garbage":
        assert len(answer) > 0
        assert not answer.startswith(b"HTTP")


def test_malformed_half_way_and_then_the_rest(truth):
    answer, served = one(truth, "--modes", "malformed")
    said = re.findall(rb"data: (.*)\n\n", b"".join(chunks(answer)))
    with pytest.raises(ValueError, match="Unterminated"):
        json.loads(said[HALF])
    assert (len(said), said[-1], served.end) == (9, b"[DONE]", "complete")


@pytest.mark.parametrize("client", ["openai", "completions", "native"])
def test_numbered_requests_are_known_by_their_count_of_prompt_tokens(truth, endpoint_at, client):
    with truth(*QUICK, "--numbered") as server:
        samples = asyncio.run(observe(endpoint_at(server.url), client, 4))
        pairs = paired(samples, server.settled(4))
    assert sorted(served.number for _, served in pairs) == [0, 1, 2, 3]
    assert all(sample.prompt_tokens == served.number + 1 for sample, served in pairs)


def test_stall(truth):
    answer, served = one(truth, "--modes", "stall", "--stall-ms", 300)
    planned = [later - earlier for earlier, later in pairwise(served.due_ns)]
    assert [gap >= 300 * MS for gap in planned] == [n == HALF for n in range(1, 8)]
    assert served.gaps_ms[HALF - 1] > 200
    assert len(events(answer)) == 8


def test_a_byte_a_chunk_splits_characters(truth):
    answer, served = one(truth, "--modes", "bytes", "--word", "é🙂")
    assert {len(chunk) for chunk in chunks(answer)} == {1}
    assert len(events(answer)) == len(served.sent_ns) == 8
    assert "t8é🙂" in b"".join(chunks(answer)).decode()


def test_a_lump_is_one_chunk(truth):
    answer, served = one(truth, "--modes", "lump", "--tokens", 10_000)
    assert len(chunks(answer)) == 1
    assert len(events(answer)) == served.tokens == 10_000
    assert len(set(served.sent_ns)) == 1


def test_never(truth):
    with truth("--modes", "never") as server:
        client = Plain(server.url).ask()
        client.socket.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.read()
        assert server.log().served[0].end == "open"
        client.socket.close()
        assert server.settled(1).served[0].end == "client closed"


def test_modes_are_taken_in_turn(truth):
    with truth(*QUICK, "--modes", "ok,429") as server:
        client = Plain(server.url)
        client.ask().answer()
        client.ask().read()
        client.ask().answer()
        assert [served.end for served in server.settled(3).served] == ["complete", "refused", "complete"]
        assert {served.connection for served in server.log().served} == {0}


def test_a_client_that_does_not_read_is_noted(truth):
    with truth(*QUICK, "--pad", 1_000_000) as server:
        client = Plain(server.url).ask()
        for _ in range(2000):
            if len(server.log().served[0].sent_ns) == 8:
                break
        assert server.log().own.blocked > 0
        assert len(events(client.answer())) == 8
        assert server.settled(1).served[0].blocked == server.log().own.blocked


def test_one_that_reads_late_gets_all_of_it_before_the_connection_is_closed(truth):
    with truth(*QUICK, "--pad", 1_000_000) as server:
        client = Plain(server.url).ask(headers="Connection: close\r\n")
        server.settled(1)
        assert len(events(client.answer())) == 8
        assert not client.read()


def test_the_log_is_kept_at_the_end(truth, tmp_path):
    with truth(*QUICK, "--log", tmp_path / "log") as server:
        Plain(server.url).ask().answer()
        asked = server.settled(1)
    kept = ground_truth.parsed((tmp_path / "log").read_text(encoding="utf-8"))
    assert kept.served == asked.served
    assert server.process.returncode == 0


def test_an_unknown_mode_is_refused(gtserver):
    with pytest.raises(ValueError, match="invalid literal"), ground_truth.running(gtserver, "--modes", "nonsense"):
        pass
