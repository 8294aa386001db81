"""What the scripts that ask a calculator have in common. Runs in that calculator's environment: standard library alone.

A script reads points as JSON lines from stdin, and writes for each a JSON line ``{"row", "value"}`` in the unit of
perf_points.csv, or ``{"row", "refusal"}`` with one of `REFUSALS`.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

REFUSALS = {
    "model": "it cannot be told this architecture",
    "gpu": "it has no such card",
    "engine": "it has no such engine, and tells engines apart",
    "weights": "it has no such quantization",
    "metric": "it has no figure of this kind",
    "memory": "it says that this does not fit",
    "failed": "it broke off with an error",
}
MS = 1e3
BATCH_LATENCY = "static_latency"
FIRST_TOKEN = ("ttft_ms", "ttft_batch")
BETWEEN_TOKENS = "itl_ms"
DECODE_RATE = "decode_tps"
OUTPUT_RATES = ("static_out_tps", "closed_out_tps", "burst_out_tps")
PER_TOKEN = "req_ms_per_tok"
SATURATED = "max_out_tps"


class NoAnswerError(Exception):
    """The calculator has no answer; its argument is a key of `REFUSALS`."""


@dataclass(frozen=True)
class Point:
    """A published measurement, without what was measured."""

    row: int
    model: dict[str, Any]
    """Its table in models.toml."""
    gpu: str
    cards: int
    engine: str
    form: str
    """Weights and KV cache: ``fp16``, ``fp8+kvfp8``, ``int4-w4a16``."""
    kind: str
    prompt: int
    output: int
    batch: int | None
    """Requests at a time; None: as many as it takes, or a rate."""

    @property
    def weights(self) -> str:
        """``form`` without the KV cache."""
        return self.form.partition("+kv")[0]

    @property
    def kv(self) -> str:
        """Number format of the KV cache: ``16bit`` unless the publication says another."""
        return self.form.partition("+kv")[2] or "16bit"


def static_batch(point: Point, first_token: Callable[[int], float], generation: Callable[[int], float]) -> float:
    """The figure of a point for a calculator that knows one thing: a batch that starts and ends together.

    Args:
        point: What was measured.
        first_token: Seconds until all prompts of a batch of this size are computed.
        generation: Seconds that `Point.output` further tokens of each take.

    Raises:
        NoAnswerError: a request rate, or the load that saturates a server.
    """
    batch = point.batch
    if batch is None:
        raise NoAnswerError("metric")
    if point.kind in FIRST_TOKEN:
        return first_token(batch) * MS
    if point.kind == BETWEEN_TOKENS:
        return generation(batch) / point.output * MS
    if point.kind == DECODE_RATE:
        return batch * point.output / generation(batch)
    whole = first_token(batch) + generation(batch)
    if point.kind == BATCH_LATENCY:
        return whole
    if point.kind in OUTPUT_RATES:
        return batch * point.output / whole
    if point.kind == PER_TOKEN:
        return whole / point.output * MS
    raise NoAnswerError("metric")


def serve(ask: Callable[[Point], float]) -> None:
    """Answer every point on stdin. What a calculator prints goes to stderr: stdout is for answers."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        point = Point(**json.loads(line))
        answer: dict[str, Any] = {"row": point.row}
        try:
            answer["value"] = float(f"{ask(point):.6g}")
        except NoAnswerError as refused:
            answer["refusal"] = str(refused)
        except Exception as error:  # noqa: BLE001 - a calculator may raise anything, and the others' answers count
            answer |= {"refusal": "failed", "error": f"{type(error).__name__}: {error}"[:300]}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
