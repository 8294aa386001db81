"""A figure that somebody measured of a running engine."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from zephyr_deploy.spec.deployment import Frozen

Kind = Literal["ttft", "itl", "throughput"]


class Point(Frozen):
    """One figure under a closed loop of requests of one shape."""

    kind: Kind
    """Time to the first token and between tokens in milliseconds; throughput in output tokens a second."""
    concurrency: int = Field(ge=1)
    """Requests at a time."""
    input_tokens: int = Field(ge=1)
    """Of a prompt."""
    output_tokens: int = Field(ge=1)
    """Of an answer."""
    value: float = Field(gt=0, allow_inf_nan=False)
