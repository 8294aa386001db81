"""One setup under one workload: whether it fits, how fast it is, and whether that is fast enough."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING, NamedTuple

from zephyr_deploy.errors import ConfigError
from zephyr_deploy.plan.choice.percentiles import chance, itl_ms, ttft_ms
from zephyr_deploy.plan.memory.weigh import weigh
from zephyr_deploy.plan.speed.predict import predict, prefill_ms

if TYPE_CHECKING:
    from zephyr_deploy.plan.memory.breakdown import Memory
    from zephyr_deploy.plan.prices import Price
    from zephyr_deploy.plan.setup import Setup
    from zephyr_deploy.plan.speed.correction import Correction
    from zephyr_deploy.plan.speed.prediction import Prediction
    from zephyr_deploy.plan.workload import Slo, Workload

Correct = Callable[["Setup"], "Correction | None"]
"""From a setup to what one's own measurements of such a one say; None where there are none."""

SECONDS_PER_HOUR = 3600
MILLION = 1_000_000
MS = 1000
SECONDS_FROM_MS = 10_000
"""Times from there on are read more easily in seconds."""
GB = 1e9


def uncorrected(_setup: Setup) -> Correction | None:
    """Nothing has been measured."""
    return None


class Judged(NamedTuple):
    """What a setup comes to under a workload."""

    missing_bytes: int
    """Of each GPU, before one request has room."""
    prediction: Prediction | None
    ttft_ms: float
    """At the percentile that is asked for."""
    itl_ms: float
    chance: float | None
    """That the SLO is met; None: nothing is asked."""
    over: float
    """How many times the limit the worst figure is; at most 1: the SLO is met."""
    why: str
    """Where it is not met, or it does not fit, or nothing is known: the reason."""

    @property
    def meets(self) -> bool:
        """Whether it fits and is as fast as asked."""
        return not self.missing_bytes and self.over <= 1


def judge(
    setup: Setup,
    workload: Workload,
    slo: Slo,
    *,
    prefill_tokens: int | None = None,
    kv_tokens: int | None = None,
    correction: Correction | None = None,
) -> Judged:
    """Weigh and predict one setup.

    Args:
        setup: What is looked at.
        workload: What is asked of it.
        slo: How fast that is to be.
        prefill_tokens: Prompt tokens of one step, where it is known; None: one prompt.
        kv_tokens: Tokens that have room, where it is known; None: as the memory's parts say.
        correction: What one's own measurements of this model on this card under this engine say.
    """
    memory = weigh(setup, prefill_tokens or workload.input_tokens)
    missing = missing_bytes(memory, workload)
    if missing:
        return Judged(missing, None, inf, inf, None, inf, f"does not fit, by {missing / GB:.1f} GB a GPU")
    room = memory.kv_tokens if kv_tokens is None else kv_tokens
    try:
        found = predict(setup, workload, kv_tokens=room, prefill_tokens=prefill_tokens, correction=correction)
        prefill = prefill_ms(setup, workload.input_tokens, correction)
    except ConfigError as error:
        asks = slo.ttft_ms is not None or slo.itl_ms is not None
        return Judged(0, None, inf, inf, None, inf if asks else 0, error.message)
    return measure(found, prefill, workload, slo)


def measure(found: Prediction, prefill: float, workload: Workload, slo: Slo) -> Judged:
    """Hold a prediction against the SLO; ``prefill`` is the time of one prompt in milliseconds."""
    ttft = ttft_ms(found, prefill, slo.percentile)
    itl = itl_ms(found, prefill, slo.percentile, workload)
    figures = [
        (name, value, limit, estimate)
        for name, value, limit, estimate in (
            ("TTFT", ttft, slo.ttft_ms, found.ttft_ms),
            ("ITL", itl, slo.itl_ms, found.itl_ms),
        )
        if limit is not None
    ]
    if found.saturated:
        most, asked = found.requests_per_s.value, workload.request_rate or 0
        why = f"serves {most:.3g} requests/s, not {asked:g}"
        return Judged(0, found, ttft, itl, 0.0 if figures else None, max(asked / most, 1.001), why)
    over = max((value / limit for _, value, limit, _ in figures), default=0.0)
    why = ", ".join(
        f"{name} {slo.percentile} {milliseconds(value)} > {milliseconds(limit)}"
        for name, value, limit, _ in figures
        if value > limit
    )
    sure = min((chance(estimate, value, limit) for _, value, limit, estimate in figures), default=None)
    return Judged(0, found, ttft, itl, sure, over, why)


def missing_bytes(memory: Memory, workload: Workload) -> int:
    """Of each GPU, before one request of the workload has room."""
    request = (workload.input_tokens + workload.output_tokens) * memory.kv_bytes_per_token
    return max(0, int(request - memory.kv_cache))


def usd_per_million(price: Price | None, found: Prediction | None) -> float | None:
    """What a million output tokens cost under that load."""
    if price is None or found is None or found.output_tokens_per_s.value <= 0:
        return None
    return price.usd_per_hour / SECONDS_PER_HOUR / found.output_tokens_per_s.value * MILLION


def milliseconds(value: float, *span: float) -> str:
    """For people: the digits that count; long times in seconds; with a span behind it in the same unit."""
    by, unit = (MS, "s") if value >= SECONDS_FROM_MS else (1, "ms")
    said = f"{_digits(value / by)} {unit}"
    return f"{said} ({'-'.join(_digits(edge / by) for edge in span)})" if span else said


def _digits(value: float) -> str:
    return f"{value:.0f}" if value >= 9.95 else f"{value:.1f}"  # noqa: PLR2004 - which is shown as 10
