"""A figure that somebody measured of a running engine."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from zephyr_deploy.spec.base import Frozen

LEAST_SHARE = 0.1
"""Of a time to the first token: more is not taken for network, whose own times vary."""
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

    def without_network(self, round_trip_ms: float) -> Point:
        """The same without the way to the engine and back, which a first token waits for, and others do not."""
        if self.kind != "ttft":
            return self
        return self.model_copy(update={"value": max(self.value - round_trip_ms, LEAST_SHARE * self.value)})
