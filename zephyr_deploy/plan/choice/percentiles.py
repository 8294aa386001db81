"""From the ordinary request to the slow ones: an approximation, which no published measurement has tested.

What differs between requests of one shape is how many prompts of others fall into their time. Requests come without
knowing of each other, so that count spreads as Poisson's: by the root of its mean. Each such prompt costs its prefill,
three quarters of it where the step of decoding goes on beside it (docs/explanation/planner.md).
"""

from __future__ import annotations

from math import erf, log, sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zephyr_deploy.plan.speed.prediction import Estimate, Prediction
    from zephyr_deploy.plan.workload import Percentile, Workload

DEVIATIONS: dict[Percentile, float] = {"mean": 0.0, "p50": 0.0, "p90": 1.2816, "p99": 2.3263}
"""Of the normal distribution, which Poisson's is near to."""
INTERVAL = 1.2816
"""Deviations on either side that hold four of five."""
INTERFERENCE = 0.75
"""Share of another request's prompt for which a running one waits."""
MS = 1000


def ttft_ms(prediction: Prediction, prefill_ms: float, percentile: Percentile) -> float:
    """Time to first token of a request that is slower than that share of all."""
    at_once = prediction.requests_per_s.value * prefill_ms / MS
    return prediction.ttft_ms.value + DEVIATIONS[percentile] * sqrt(at_once) * prefill_ms


def itl_ms(prediction: Prediction, prefill_ms: float, percentile: Percentile, workload: Workload) -> float:
    """Mean time between the tokens of such a request."""
    others = max(prediction.running - 1, 0)
    wait = INTERFERENCE * prefill_ms / workload.output_tokens
    return prediction.itl_ms.value + DEVIATIONS[percentile] * sqrt(others) * wait


def chance(estimate: Estimate, value: float, limit: float) -> float:
    """That ``value`` stays within ``limit``, if it is as uncertain as ``estimate``, and in logarithms normal."""
    spread = log(estimate.high / estimate.low) / 2 / INTERVAL
    if spread <= 0:
        return float(value <= limit)
    return 0.5 * (1 + erf(log(limit / value) / spread / sqrt(2)))
