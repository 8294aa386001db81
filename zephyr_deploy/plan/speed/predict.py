"""Predictions of one setup under one workload."""

from __future__ import annotations

from math import exp

from zephyr_deploy.plan.setup import Setup
from zephyr_deploy.plan.speed.correction import Correction, Spreads
from zephyr_deploy.plan.speed.prediction import Estimate, Prediction
from zephyr_deploy.plan.speed.resolve import coefficients_of, work_of
from zephyr_deploy.plan.speed.roofline import PLAIN, Coefficients, Work, prefill
from zephyr_deploy.plan.speed.serving import Load, Speeds, closed_loop
from zephyr_deploy.plan.workload import Workload

MS = 1000
SPREAD = Spreads(ttft=0.25, itl=0.25, throughput=0.25)
"""Half of the interval that holds four of five measurements, in logarithms, where nothing was measured."""
MOST = 4096
"""More requests at a time than that are not asked about."""


def predict(
    setup: Setup,
    workload: Workload,
    *,
    kv_tokens: int,
    prefill_tokens: int | None = None,
    correction: Correction | None = None,
) -> Prediction:
    """What a workload will see.

    Args:
        setup: What serves it.
        workload: Where it says neither concurrency nor rate, one request at a time.
        kv_tokens: Tokens that have room in the KV cache.
        prefill_tokens: Prompt tokens of one step at most; None: whole prompts.
        correction: What one's own measurements say.

    Raises:
        ConfigError: the speed of that card or model cannot be computed.
    """
    del prefill_tokens
    work, use = work_of(setup), coefficients_of(setup, correction)
    spread = (correction and correction.spread) or SPREAD
    if workload.request_rate is None:
        speeds = _closed(work, use, workload, workload.concurrency or 1, kv_tokens)
        return _prediction(speeds, workload.concurrency or 1, spread)
    most = _closed(work, use, workload, MOST, kv_tokens)
    if workload.request_rate >= most.requests:
        return _prediction(most, MOST, spread).model_copy(update={"saturated": True})
    low, high = 1e-3, float(MOST)
    for _ in range(40):
        middle = (low * high) ** 0.5
        speeds = _closed(work, use, workload, middle, kv_tokens)
        low, high = (middle, high) if speeds.requests < workload.request_rate else (low, middle)
    return _prediction(_closed(work, use, workload, high, kv_tokens), high, spread)


def saturation(setup: Setup, workload: Workload, *, kv_tokens: int, correction: Correction | None = None) -> Prediction:
    """With so many requests that more would bring no more throughput."""
    work, use = work_of(setup), coefficients_of(setup, correction)
    full = max(1, min(MOST, kv_tokens // (workload.input_tokens + workload.output_tokens // 2)))
    return _prediction(
        _closed(work, use, workload, full, kv_tokens), full, (correction and correction.spread) or SPREAD
    )


def curve(
    setup: Setup, workload: Workload, kv_tokens: int, correction: Correction | None = None
) -> tuple[Prediction, ...]:
    """At 1, 2, 4, ... requests at a time, up to as many as have room."""
    found = []
    concurrency = 1
    while concurrency == 1 or concurrency <= min(MOST, kv_tokens / (workload.input_tokens + workload.output_tokens)):
        at = workload.model_copy(update={"concurrency": concurrency, "request_rate": None})
        found.append(predict(setup, at, kv_tokens=kv_tokens, correction=correction))
        concurrency *= 2
    return tuple(found)


def prefill_ms(setup: Setup, tokens: int, correction: Correction | None = None) -> float:
    """Milliseconds of a step that reads a prompt of so many tokens."""
    return prefill(work_of(setup), coefficients_of(setup, correction), tokens, tokens, PLAIN) * MS


def _closed(work: Work, use: Coefficients, workload: Workload, concurrency: float, kv_tokens: int) -> Speeds:
    load = Load(workload.input_tokens, workload.output_tokens, concurrency, kv_tokens)
    return closed_loop(work, use, load, PLAIN)


def _prediction(speeds: Speeds, concurrency: float, spread: Spreads) -> Prediction:
    return Prediction(
        concurrency=concurrency,
        running=speeds.running,
        ttft_ms=_estimate(speeds.ttft * MS, spread.ttft),
        itl_ms=_estimate(speeds.itl * MS, spread.itl),
        output_tokens_per_s=_estimate(speeds.output_tokens, spread.throughput),
        requests_per_s=_estimate(speeds.requests, spread.throughput),
    )


def _estimate(value: float, spread: float) -> Estimate:
    return Estimate(value=value, low=value * exp(-spread), high=value * exp(spread))
