"""The loads that a benchmark can put on a server: when requests begin, and how many are under way. Plain data."""

from __future__ import annotations

from pathlib import PurePath
from typing import Annotated, Literal

from pydantic import Field, model_validator

from zephyr_deploy.spec.base import Frozen

MOST_WORKERS = 4096
MOST_RATE_PER_S = 100_000
Workers = Annotated[int, Field(ge=1, le=MOST_WORKERS)]
Rate = Annotated[float, Field(gt=0, le=MOST_RATE_PER_S, allow_inf_nan=False)]
MOST_AT_ONCE = 512
MOST_PER_S = 1000
"""Where a sweep ends that nobody has given an end."""
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
        return f"replay of {PurePath(self.file).name}" + (
            f" at {self.speed:g} times its speed" if self.speed != 1 else ""
        )


Load = Annotated[Closed | Open | Ramp | Replay, Field(discriminator="kind")]


class Sweep(Frozen):
    """Ever higher loads, each a level, until the server is saturated."""

    of: Literal["concurrency", "rate"] = "concurrency"
    """Closed loops of 1, 2, 4… requests at once, or open loops of 1, 2, 4… a second and then of rates in between."""
    start: float = Field(1.0, gt=0, allow_inf_nan=False)
    until: float | None = Field(None, gt=0, allow_inf_nan=False)
    """The highest load that is tried; None: 512 at once, or 1,000 a second."""
    arrivals: Arrivals = "poisson"
    """Of rates."""

    @model_validator(mode="after")
    def _possible(self) -> Sweep:
        most = MOST_WORKERS if self.of == "concurrency" else MOST_RATE_PER_S
        if self.of == "concurrency" and self.start < 1:
            raise ValueError("a sweep of requests at once begins with one or more")
        if not self.start <= self.most <= most:
            raise ValueError(f"a sweep that begins with {self.start:g} ends with that, or more, up to {most:,}")
        return self

    @property
    def most(self) -> float:
        """The highest load that is tried."""
        return self.until or (MOST_AT_ONCE if self.of == "concurrency" else MOST_PER_S)
