"""Levels of a server that is a few lines of arithmetic: an answer waits, takes its TTFT and then its gaps."""

from __future__ import annotations

import heapq
import random
from datetime import datetime, timezone

from zephyr_deploy.bench.figures import level_of
from zephyr_deploy.bench.loads import Closed, Open
from zephyr_deploy.bench.report import BenchReport, Target
from zephyr_deploy.bench.sample import Events, Sample, TokenEvent
from zephyr_deploy.bench.spec import BenchSpec
from zephyr_deploy.bench.watch import LoopWatch

MS = 1_000_000


def answer(rng, number, at_ms, *, wait_ms=0.0, ttft_ms=50.0, itl_ms=20.0, tokens=16, due_ms=None):
    """A complete answer of a request sent at ``at_ms``."""
    times = [at_ms + wait_ms + ttft_ms * rng.uniform(0.8, 1.2)]
    for _ in range(tokens - 1):
        times.append(times[-1] + itl_ms * rng.uniform(0.9, 1.1))
    return Sample(
        taken_ns=int(at_ms * MS),
        number=number,
        conversation=number,
        due_ns=None if due_ms is None else int(due_ms * MS),
        sent_ns=int(at_ms * MS),
        prompt_tokens=128,
        events=Events(TokenEvent(int(time * MS), None) for time in times),
        generated_tokens=tokens,
        ended_ns=int(times[-1] * MS),
    )


def closed(seed, workers=8, requests=64, *, slower=lambda _ms: 1.0, slo=None, **times):
    """A closed loop; ``slower`` says by what factor everything takes longer at a time."""
    rng, free, samples = random.Random(seed), [0.0] * workers, []
    ttft, itl = times.pop("ttft_ms", 50.0), times.pop("itl_ms", 20.0)
    for number in range(requests):
        at = heapq.heappop(free)
        tokens = times.get("tokens") or rng.randint(8, 32)
        factor = slower(at)
        sample = answer(rng, number, at, ttft_ms=ttft * factor, itl_ms=itl * factor, tokens=tokens)
        heapq.heappush(free, sample.ended_ns / MS)
        samples.append(sample)
    return level_of(Closed(concurrency=workers), [], samples, LoopWatch(), None, slo=slo)


def opened(seed, rate_per_s, requests, *, places=8):
    """An open loop, at random, against a server that answers ``places`` requests at once and has the others wait."""
    rng, free, samples, at = random.Random(seed), [0.0] * places, [], 0.0
    for number in range(requests):
        at += rng.expovariate(rate_per_s / 1000)
        begin = max(at, heapq.heappop(free))
        sample = answer(rng, number, at, wait_ms=begin - at, tokens=rng.randint(8, 32), due_ms=at)
        heapq.heappush(free, sample.ended_ns / MS)
        samples.append(sample)
    return level_of(Open(rate_per_s=rate_per_s), [], samples, LoopWatch(), None)


def report(*levels, release="0123456789abcdef", hour=0, **spec):
    """A report of those levels, of a deployment called demo; ``spec`` is what else was asked."""
    return BenchReport(
        tool_version="0.1",
        started_at=datetime(2026, 11, 2, hour, tzinfo=timezone.utc),
        target=Target(name="demo", url="http://127.0.0.1:8080", engine="tgi", model_id="some/model", release=release),
        spec=BenchSpec(loads=tuple(level.load for level in levels), **spec),
        levels=levels,
    )
