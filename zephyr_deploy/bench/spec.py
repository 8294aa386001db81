"""What to measure: the wish that one benchmark run fulfils."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

from pydantic import Field, model_validator

from zephyr_deploy.bench.loads import Closed, Load, Open, Ramp, Sweep
from zephyr_deploy.bench.prompts.lengths import Length
from zephyr_deploy.bench.slo import Slo
from zephyr_deploy.spec.base import Frozen

ClientName = Literal["openai", "completions", "native", "tgi"]


LEAST_REQUESTS = 32
ROUNDS = 8
OPEN_S = 30.0
"""How long an open loop runs that nobody has given a length."""
SETTLE_S = 2.0
"""How long an open loop runs before it is measured, so that requests under way are as many as later on."""


class BenchSpec(Frozen):
    """Loads, run one after the other, each a level of the report; ``concurrency=(1, 4)`` is short for closed loops.

    At most one of ``requests`` and ``duration_s`` ends a level; with neither, a closed loop takes eight requests a
    worker and at least 32, an open loop 30 seconds, and a replay its whole trace.
    """

    loads: tuple[Load, ...] = Field(
        (Closed(concurrency=1), Closed(concurrency=4)), description="What is put on the server; empty: the sweep."
    )
    sweep: Sweep | None = Field(None, description="Or: ever higher loads until it is saturated.")
    requests: int | None = Field(None, ge=1, description="Measured requests of each level.")
    duration_s: float | None = Field(None, gt=0, description="Seconds in which a level starts requests.")
    warmup: int | None = Field(
        None, ge=0, description="Unmeasured requests before each level; unset: one a worker, or those of 2 seconds."
    )
    max_new_tokens: Length = Field(64, description="Output tokens asked for: 64, 32..128 or 64:16 (mean:deviation).")
    prompt_tokens: Length = Field(128, description="How long a synthetic prompt is, in tokens; the same forms.")
    prompts_file: str | None = Field(None, description="Or: prompts of this file; - is standard input.")
    shared_prefix: float = Field(0.0, ge=0, le=1, description="Share of a prompt's words that all prompts begin with.")
    turns: int = Field(1, ge=1, description="Turns of a conversation, at most, where a file says how many there are.")
    tokenizer: str | None = Field(None, description="A tokenizer.json, or its folder: counts instead of the server.")
    ignore_eos: bool = Field(False, description="Answers are as long as asked for, where the engine can be told so.")
    client: ClientName = Field(
        "openai",
        description="openai: chat; completions: OpenAI's text completions; native: TGI's own stream; "
        "tgi: that by the text-generation client.",
    )
    seed: int = Field(0, description="Same seed, same prompts.")
    deadline_s: float = Field(120.0, gt=0, description="Longest time for one request, in seconds.")
    max_in_flight: int = Field(
        4096, ge=1, description="Conversations of an open loop under way at most; what is due then waits."
    )
    slo: Slo | None = Field(
        None, description="What a request has to meet to count as good; unset: there is no goodput."
    )
    processes: int | None = Field(
        None, ge=1, le=64, description="Processes that drive the load; unset: as many as it takes."
    )
    priority: bool = Field(True, description="Go ahead of other processes, as far as the system allows it.")
    price_per_hour_usd: Decimal | None = Field(None, ge=0, description="What the service costs, for cost per token.")

    @model_validator(mode="before")
    @classmethod
    def _closed_loops(cls, data: Any) -> Any:
        if isinstance(data, dict) and "concurrency" in data:
            levels = data["concurrency"]
            return {k: v for k, v in data.items() if k != "concurrency"} | {
                "loads": tuple({"kind": "closed", "concurrency": level} for level in levels)
            }
        if isinstance(data, dict) and data.get("sweep") is not None:
            return {"loads": (), **data}
        return data

    @model_validator(mode="after")
    def _one_end(self) -> BenchSpec:
        if self.requests is not None and self.duration_s is not None:
            raise ValueError("give requests or duration_s, not both")
        if bool(self.loads) == (self.sweep is not None):
            raise ValueError("give either loads or a sweep")
        return self

    @model_validator(mode="after")
    def _of_a_file(self) -> BenchSpec:
        if self.prompts_file is not None and self.shared_prefix:
            raise ValueError("the prompts of a file begin as they do: give no shared_prefix with them")
        return self

    def requests_at(self, load: Load) -> int | None:
        """Measured conversations of that level; None where time ends it, or a trace does."""
        if self.requests is not None or self.duration_s is not None or not isinstance(load, Closed):
            return self.requests
        return max(LEAST_REQUESTS, ROUNDS * load.concurrency)

    def seconds_at(self, load: Load) -> float | None:
        """How long that level begins conversations; None where their number ends it, or a trace does."""
        if self.requests is not None or self.duration_s is not None or not isinstance(load, Open | Ramp):
            return self.duration_s
        return OPEN_S

    def warmup_at(self, load: Load) -> int:
        """Conversations of that level that are held before what is measured, and are in no figure."""
        if self.warmup is not None:
            return self.warmup
        if isinstance(load, Closed):
            return load.concurrency
        return max(1, round(SETTLE_S * load.rate_per_s)) if isinstance(load, Open) else 1
