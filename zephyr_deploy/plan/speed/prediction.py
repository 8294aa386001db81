"""What is predicted."""

from __future__ import annotations

from zephyr_deploy.spec.base import Frozen


class Estimate(Frozen):
    """A figure, and the interval that holds four of five measurements."""

    value: float
    low: float
    high: float


class Prediction(Frozen):
    """Of one setup under one workload. Times are in milliseconds."""

    concurrency: float
    """Requests in flight: as asked, or as many as the request rate brings about."""
    running: float
    """Of these, how many are computed at once; the others wait for room in the KV cache."""
    ttft_ms: Estimate
    itl_ms: Estimate
    output_tokens_per_s: Estimate
    requests_per_s: Estimate
    saturated: bool = False
    """Whether the rate asked for is more than can be served: then queues grow, and times have no end."""
    notes: tuple[str, ...] = ()
    """In what it goes beyond all that was measured, and why its intervals are wider for it."""
