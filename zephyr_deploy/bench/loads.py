"""The loads that a benchmark can put on a server: when requests begin, and how many are under way. Plain data."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from zephyr_deploy.spec.deployment import Frozen

Workers = Annotated[int, Field(ge=1, le=4096)]
Rate = Annotated[float, Field(gt=0, le=100_000, allow_inf_nan=False)]
Arrivals = Literal["constant", "poisson", "bursty"]


class Closed(Frozen):
    """So many workers, each of which sends its next request when its last one is over.

    The server sets the pace: while it stalls nothing is sent, so that few requests see the stall (coordinated
    omission).
    """

    kind: Literal["closed"] = "closed"
    concurrency: Workers

    def __str__(self) -> str:
        return f"{self.concurrency} at once"


class Open(Frozen):
    """Requests by a timetable that waits for no answer; latency counts from the planned time as well."""

    kind: Literal["open"] = "open"
    rate_per_s: Rate
    arrivals: Arrivals = "poisson"
    """constant: evenly; poisson: at random, by exponential gaps; bursty: by gamma gaps of shape ``burstiness``."""
    burstiness: float = Field(1.0, gt=0, allow_inf_nan=False)
    """Shape of the gamma distribution: 1 is Poisson, less comes in bursts, more is more even (as vLLM's option)."""

    def __str__(self) -> str:
        return f"{self.rate_per_s:g} a second"


class Ramp(Frozen):
    """An open loop whose rate grows (or falls) evenly over the level, at random (Poisson)."""

    kind: Literal["ramp"] = "ramp"
    from_per_s: Rate
    to_per_s: Rate

    def __str__(self) -> str:
        return f"{self.from_per_s:g} to {self.to_per_s:g} a second"


class Replay(Frozen):
    """An open loop whose times and lengths are those of a trace."""

    kind: Literal["replay"] = "replay"
    file: str
    speed: float = Field(1.0, gt=0, allow_inf_nan=False)
    """2: twice as fast as it was recorded."""

    def __str__(self) -> str:
        return f"replay of {self.file}" + (f" at {self.speed:g} times its speed" if self.speed != 1 else "")


Load = Annotated[Closed | Open | Ramp | Replay, Field(discriminator="kind")]
