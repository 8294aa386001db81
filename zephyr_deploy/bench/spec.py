"""What to measure: the wish that one benchmark run fulfils."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

from pydantic import Field, model_validator

from zephyr_deploy.bench.loads import Closed, Load
from zephyr_deploy.spec.deployment import Frozen

ClientName = Literal["openai", "completions", "native", "tgi"]


class BenchSpec(Frozen):
    """Loads, run one after the other, each a level of the report; ``concurrency=(1, 4)`` is short for closed loops.

    Exactly one of ``requests`` and ``duration_s`` ends a level; with neither, each level takes
    eight requests a worker, and at least 32.
    """

    loads: tuple[Load, ...] = Field(
        (Closed(concurrency=1), Closed(concurrency=4)), min_length=1, description="What is put on the server."
    )
    requests: int | None = Field(None, ge=1, description="Measured requests of each level.")
    duration_s: float | None = Field(None, gt=0, description="Seconds in which a level starts requests.")
    warmup: int | None = Field(None, ge=0, description="Unmeasured requests before each level; unset: one a worker.")
    max_new_tokens: int = Field(64, ge=1, description="Output tokens asked for.")
    prompt_tokens: int = Field(128, ge=1, description="About how long a prompt is, in tokens.")
    client: ClientName = Field(
        "openai",
        description="openai: chat; completions: OpenAI's text completions; native: TGI's own stream; "
        "tgi: that by the text-generation client.",
    )
    seed: int = Field(0, description="Same seed, same prompts.")
    deadline_s: float = Field(120.0, gt=0, description="Longest time for one request, in seconds.")
    price_per_hour_usd: Decimal | None = Field(None, ge=0, description="What the service costs, for cost per token.")

    @model_validator(mode="before")
    @classmethod
    def _closed_loops(cls, data: Any) -> Any:
        if isinstance(data, dict) and "concurrency" in data:
            levels = data["concurrency"]
            return {k: v for k, v in data.items() if k != "concurrency"} | {
                "loads": tuple({"kind": "closed", "concurrency": level} for level in levels)
            }
        return data

    @model_validator(mode="after")
    def _one_end(self) -> BenchSpec:
        if self.requests is not None and self.duration_s is not None:
            raise ValueError("give requests or duration_s, not both")
        return self

    def requests_at(self, workers: int) -> int | None:
        """Measured requests of the level with ``workers``; None where time ends it."""
        if self.duration_s is not None:
            return None
        return self.requests or max(32, 8 * workers)

    def warmup_at(self, workers: int) -> int:
        """Requests that are sent and thrown away before the level with ``workers``."""
        return workers if self.warmup is None else self.warmup
