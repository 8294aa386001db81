"""Where the milliseconds go: what a time would be shorter by if one of its causes were not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.plan.speed.correction import Correction
from zephyr_deploy.plan.speed.predict import predict
from zephyr_deploy.spec.base import Frozen

if TYPE_CHECKING:
    from zephyr_deploy.plan.setup import Setup
    from zephyr_deploy.plan.speed.prediction import Prediction
    from zephyr_deploy.plan.workload import Workload

BEYOND = 1e6
"""So many times better than it is, a constant costs nothing."""
CAUSES = {
    "first_s": "the request's way in, and the first token's way out",
    "host_s": "the engine's own work, each step",
    "sequence_s": "the engine's own work, each request in a step",
    "reduce_s": "sums across GPUs: until they begin",
    "kv_use": "KV cache, read from the GPU's memory",
    "compute_use": "matrix products: of the step, of one's own prompt, and of others' that come meanwhile",
    "bandwidth_use": "weights, read from the GPU's memory",
}
"""By the field of `Correction` that scales it, in the order in which they are taken away."""
REST = "launches of kernels, and what sums across GPUs send"


class Term(Frozen):
    """One cause, in milliseconds."""

    cause: str
    ttft_ms: float
    itl_ms: float


def terms(
    setup: Setup,
    workload: Workload,
    *,
    kv_tokens: int,
    prefill_tokens: int | None = None,
    correction: Correction | None = None,
) -> tuple[Term, ...]:
    """Every cause of both times, taken away one after the other, and what is left then; they add up.

    Where two run side by side, the one that is taken away first counts only by what it is longer. A cause may be a
    little below zero: with shorter steps more requests come, and wait for one another.

    Raises:
        ConfigError: the speed of that card or model is not known.
    """
    left = correction or Correction()
    found: list[Term] = []
    before = predict(setup, workload, kv_tokens=kv_tokens, prefill_tokens=prefill_tokens, correction=left)
    for field, cause in CAUSES.items():
        left = left.model_copy(update={field: 1 / BEYOND if field.endswith("_s") else BEYOND})
        after = predict(setup, workload, kv_tokens=kv_tokens, prefill_tokens=prefill_tokens, correction=left)
        found.append(_between(cause, before, after))
        before = after
    return (*found, Term(cause=REST, ttft_ms=before.ttft_ms.value, itl_ms=before.itl_ms.value))


def _between(cause: str, before: Prediction, after: Prediction) -> Term:
    return Term(
        cause=cause,
        ttft_ms=before.ttft_ms.value - after.ttft_ms.value,
        itl_ms=before.itl_ms.value - after.itl_ms.value,
    )
