"""TGI's own stream, by the text-generation client and by the fast path: the same answer, and what the client adds."""

from __future__ import annotations

import asyncio

import pytest
from bench_asks import conversations
from emulators.tgi import FakeTgi, Script

from zephyr_deploy.bench.clients import open_client
from zephyr_deploy.bench.failures import kind_of
from zephyr_deploy.bench.load import closed_loop
from zephyr_deploy.bench.spec import BenchSpec
from zephyr_deploy.bench.stats import spread_of
from zephyr_deploy.bench.times import ttft_ms

PROMPTS = [f"prompt {number}" for number in range(10)]


def measured(endpoint, client, prompts=PROMPTS):
    async def inner():
        async with open_client(endpoint, BenchSpec(client=client)) as load:
            return await closed_loop(load, conversations(prompts), workers=1, deadline_s=20)

    return asyncio.run(inner())


@pytest.mark.parametrize("finish", ["length", "eos_token"])
def test_same_tokens_and_text(endpoint_at, counted, finish):
    with FakeTgi(Script(tokens=[" a", "ü", " 漢", "🙂", "", " b"], finish=finish, ttft_s=0.01)) as tgi:
        fast, slow = (measured(endpoint_at(tgi.url), client) for client in ("native", "tgi"))
        bodies = {path: tgi.posted(path) for path in ("/generate_stream", "/")}
    said = [
        [(s.failure, s.text, len(s.events), s.generated_tokens, s.finish) for s in samples] for samples in (fast, slow)
    ]
    assert said[0] == said[1]
    assert (said[0][0][0], said[0][0][-1]) == (None, finish)
    # What the client sends beyond this says only that everything else is off.
    ours, theirs = bodies["/generate_stream"]["parameters"], bodies["/"]["parameters"]
    assert {name: theirs[name] for name in ours} == ours
    assert not any(value for name, value in theirs.items() if name not in ours)
    added = spread_of([ttft_ms(s) for s in slow]).p50 - spread_of([ttft_ms(s) for s in fast]).p50
    counted(f"ms that the text-generation client adds to the median TTFT ({finish})", f"{added:.1f}")


FAULTS = {
    "overloaded": "overloaded",
    "validation": "invalid_request",
    "generation": "generation",
    "unauthorized": "unauthorized",
    "html_502": "http_502",
    "plain_422": "invalid_request",
    "truncated": "incomplete",
    "cut": "incomplete",
    "malformed": "malformed",
    "not_utf8": "malformed",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_same_failures(endpoint_at, fault):
    with FakeTgi(Script(tokens=[" a", " b", " c"], fault=fault, fault_after=1)) as tgi:
        fast, slow = (measured(endpoint_at(tgi.url), client, PROMPTS[:1])[0].failure for client in ("native", "tgi"))
    assert kind_of(fast) == kind_of(slow) == FAULTS[fault]


def test_same_wait_through_keep_alives(endpoint_at):
    script = Script(tokens=[" a", "", " b"], finish="length", ttft_s=0.3, itl_s=0.1, keep_alive_s=0.04)
    with FakeTgi(script) as tgi:
        samples = [measured(endpoint_at(tgi.url), client, PROMPTS[:1])[0] for client in ("native", "tgi")]
    for sample in samples:
        assert (sample.failure, sample.text, len(sample.events), sample.generated_tokens) == (None, " a b", 2, 3)
        # A comment is no token, nor is one without text: the gap has both of its waits.
        assert ttft_ms(sample) >= 300
        first, last = sample.events.at_ns
        assert last - first >= 190_000_000
