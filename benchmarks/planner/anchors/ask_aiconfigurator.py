"""Asks aiconfigurator. See README.md for how, and why so.

Usage: ``ask_aiconfigurator.py [--mistral-as-llama]``; with it, only Mistral's points are answered.
"""

from __future__ import annotations

import json
import logging
import sys
import tempfile
from functools import cache
from pathlib import Path

from aiconfigurator.cli.api import EstimateResult, cli_estimate
from aiconfigurator.sdk.errors import MissingSystemFlopsError, PerfDataNotAvailableError
from aiconfigurator.sdk.perf_database import get_latest_database_version
from asking import (
    BATCH_LATENCY,
    BETWEEN_TOKENS,
    DECODE_RATE,
    FIRST_TOKEN,
    OUTPUT_RATES,
    SATURATED,
    NoAnswerError,
    Point,
    serve,
)

CARDS = {"a100-80": "a100_sxm", "h100": "h100_sxm", "h200": "h200_sxm", "b200": "b200_sxm", "l40s": "l40s"}
ENGINES = {"trtllm", "vllm", "sglang"}
GEMM = {
    "fp16": None,
    "bf16": None,
    "fp8": "fp8",
    "fp8_block": "fp8_block",
    "int8": "int8_wo",
    "int8-w8a16": "int8_wo",
    "int4-w4a16": "int4_wo",
    "awq-int4": "int4_wo",
    "int8-w8a8": "sq",
}
KV = {"16bit": None, "fp8": "fp8", "int8": "int8"}
BATCHES = (1, 4, 16, 64, 128, 256, 512, 1024, 2048)
BUDGETS = (0, 2048, 8192)
"""Of prompt tokens a step, where one prompt is not more: its own default is one prompt, TensorRT-LLM's 8192."""
RENAMED = "MistralForCausalLM"


@cache
def _folder(shape: tuple[tuple[str, object], ...], arch: str) -> str:
    """A folder with config.json, and nothing else: what it takes in place of a name on the hub."""
    told = dict(shape)
    told.pop("arch")
    if arch != RENAMED:
        told.pop("sliding_window", None)
        told["model_type"] = "llama" if arch == "LlamaForCausalLM" else told["model_type"]
    folder = Path(tempfile.mkdtemp(prefix="aiconfigurator-"))
    config = told | {"architectures": [arch], "torch_dtype": "bfloat16"}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return str(folder)


@cache
def _version(system: str, engine: str) -> str | None:
    """What it would choose by itself, which it takes a second to find."""
    return get_latest_database_version(system=system, backend=engine)


def _estimate(point: Point, mode: str, batch: int, output: int, budget: int | None = None) -> EstimateResult:
    arch = point.model["arch"]
    if arch == RENAMED and MISTRAL_AS_LLAMA:
        arch = "LlamaForCausalLM"
    system = CARDS[point.gpu]
    try:
        told = cli_estimate(
            _folder(tuple(point.model.items()), arch),
            system,
            mode=mode,
            backend_name=point.engine,
            backend_version=_version(system, point.engine),
            isl=point.prompt,
            osl=output,
            batch_size=batch,
            ctx_tokens=budget,
            tp_size=point.cards,
            gemm_quant_mode=GEMM[point.weights],
            kvcache_quant_mode=KV[point.kv],
        )
    except (MissingSystemFlopsError, PerfDataNotAvailableError) as error:
        raise NoAnswerError("weights") from error
    except RuntimeError as error:
        if str(error).startswith("OOM"):
            raise NoAnswerError("memory") from error
        raise
    except ValueError as error:
        if "architecture" in str(error):
            raise NoAnswerError("model") from error
        raise
    if told.kv_cache_warning:
        raise NoAnswerError("memory")
    return told


def _saturated(point: Point) -> float:
    """Most output tokens a second over batches and prefill budgets, as far as its memory goes."""
    best = 0.0
    for batch in BATCHES:
        try:
            told = [_estimate(point, "agg", batch, point.output, max(budget, point.prompt)) for budget in BUDGETS]
        except NoAnswerError:
            break
        best = max(best, *(each.tokens_per_second for each in told))
    if not best:
        raise NoAnswerError("memory")
    return best


def _check(point: Point) -> None:
    told = [
        ("model", not MISTRAL_AS_LLAMA or point.model["arch"] == RENAMED),
        ("gpu", point.gpu in CARDS),
        ("engine", point.engine in ENGINES),
        ("weights", point.weights in GEMM and point.kv in KV),
    ]
    for what, known in told:
        if not known:
            raise NoAnswerError(what)


def _of_a_batch(point: Point, batch: int) -> float:
    if point.kind in FIRST_TOKEN:
        return _estimate(point, "static_ctx", batch, 1).ttft
    static = _estimate(point, "static", batch, point.output)
    return static.request_latency / 1e3 if point.kind == BATCH_LATENCY else static.tokens_per_second


def _of_a_server(point: Point, batch: int) -> float:
    told = _estimate(point, "agg", batch, point.output)
    if point.kind in {BETWEEN_TOKENS, DECODE_RATE}:
        return told.tpot if point.kind == BETWEEN_TOKENS else 1e3 / told.tpot * batch
    return told.tokens_per_second


def ask(point: Point) -> float:
    """Its answer, in the unit of perf_points.csv."""
    _check(point)
    if point.kind == SATURATED:
        return _saturated(point)
    if point.batch is not None and point.kind in {*FIRST_TOKEN, BATCH_LATENCY, "static_out_tps"}:
        return _of_a_batch(point, point.batch)
    if point.batch is not None and point.kind in {BETWEEN_TOKENS, DECODE_RATE, *OUTPUT_RATES}:
        return _of_a_server(point, point.batch)
    raise NoAnswerError("metric")


MISTRAL_AS_LLAMA = "--mistral-as-llama" in sys.argv[1:]

if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    serve(ask)
