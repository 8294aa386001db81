"""What an endpoint is asked to do, and how fast that should be."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from zephyr_deploy.spec.base import Frozen

Percentile = Literal["mean", "p50", "p90", "p99"]


class Workload(Frozen):
    """Requests of one shape: so many at a time (closed loop), or so many a second (open loop)."""

    input_tokens: int = Field(512, ge=1)
    output_tokens: int = Field(128, ge=1)
    concurrency: int | None = Field(None, ge=1)
    request_rate: float | None = Field(None, gt=0, allow_inf_nan=False)
    """Requests a second, arriving at random (Poisson)."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Workload:
        if self.concurrency is not None and self.request_rate is not None:
            raise ValueError("give concurrency or request_rate, not both")
        return self


class Slo(Frozen):
    """What must hold; None: nothing is asked."""

    ttft_ms: float | None = Field(None, gt=0)
    itl_ms: float | None = Field(None, gt=0)
    percentile: Percentile = "p50"
    """Of requests, for both."""
