"""Predictions of one setup under one workload."""

from __future__ import annotations

from math import exp

from zephyr_deploy.plan.setup import Setup
from zephyr_deploy.plan.speed.correction import Correction, Spreads
from zephyr_deploy.plan.speed.interval import WORDS, beyond, half_width
from zephyr_deploy.plan.speed.prediction import Estimate, Prediction
from zephyr_deploy.plan.speed.resolve import coefficients_of, work_of
from zephyr_deploy.plan.speed.roofline import PLAIN, prefill
from zephyr_deploy.plan.speed.serving import WHOLE, Load, Speeds, closed_loop, open_loop
from zephyr_deploy.plan.workload import Workload

MS = 1000
MOST = 4096
"""More requests at a time than that are not asked about."""
ENOUGH = 0.999
"""Of the rate asked for, where it is served: the search for it ends somewhere."""


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
    work, use = work_of(setup), coefficients_of(setup, correction)
    load = _load(workload, workload.concurrency or 1, kv_tokens, prefill_tokens)
    spread = _spread(setup, correction)
    if workload.request_rate is None:
        return _prediction(setup, closed_loop(work, use, load, PLAIN), load.concurrency, spread)
    rate = workload.request_rate
    speeds, concurrency = open_loop(work, use, load._replace(concurrency=MOST), rate, PLAIN)
    saturated = speeds.requests < rate * ENOUGH
    if not saturated:  # one request at a time may be more than come
        speeds = speeds._replace(requests=rate, output_tokens=rate * workload.output_tokens)
    return _prediction(setup, speeds, concurrency, spread).model_copy(update={"saturated": saturated})


def saturation(setup: Setup, workload: Workload, *, kv_tokens: int, correction: Correction | None = None) -> Prediction:
    """With so many requests that more would bring no more throughput."""
    work, use = work_of(setup), coefficients_of(setup, correction)
    full = max(1, min(MOST, kv_tokens // (workload.input_tokens + workload.output_tokens // 2)))
    speeds = closed_loop(work, use, _load(workload, full, kv_tokens), PLAIN)
    return _prediction(setup, speeds, full, _spread(setup, correction))


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


def _load(workload: Workload, concurrency: float, kv_tokens: int, prefill_tokens: int | None = None) -> Load:
    chunk = WHOLE if prefill_tokens is None else max(prefill_tokens, 1)
    return Load(workload.input_tokens, workload.output_tokens, concurrency, kv_tokens, chunk)


def _spread(setup: Setup, correction: Correction | None) -> Spreads:
    if correction is not None and correction.spread is not None:
        return correction.spread
    return Spreads(
        ttft=half_width(setup, "ttft"), itl=half_width(setup, "itl"), throughput=half_width(setup, "throughput")
    )


def _prediction(setup: Setup, speeds: Speeds, concurrency: float, spread: Spreads) -> Prediction:
    return Prediction(
        concurrency=concurrency,
        running=speeds.running,
        ttft_ms=_estimate(speeds.ttft * MS, spread.ttft),
        itl_ms=_estimate(speeds.itl * MS, spread.itl),
        output_tokens_per_s=_estimate(speeds.output_tokens, spread.throughput),
        requests_per_s=_estimate(speeds.requests, spread.throughput),
        notes=tuple(WORDS[name] for name in beyond(setup)),
    )


def _estimate(value: float, spread: float) -> Estimate:
    return Estimate(value=value, low=value * exp(-spread), high=value * exp(spread))
