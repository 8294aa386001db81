"""Asks llm-flops. See README.md for how, and why so."""

from __future__ import annotations

from functools import cache

from asking import SATURATED, NoAnswerError, Point, serve, static_batch
from llmflops import ModelConfig, ParallelConfig, estimate, throughput

CARDS = {
    "a100-40": "A100-40GB-SXM",
    "a100-80": "A100-80GB-SXM",
    "h100": "H100-SXM",
    "h100-pcie": "H100-PCIe",
    "h200": "H200-SXM",
    "v100-32": "V100-SXM2",
    "t4": "T4",
    "l4": "L4",
    "l40s": "L40S",
    "a10g": "A10G",
    "a6000": "A6000",
    "rtx4090": "RTX4090",
    "rtx3090": "RTX3090",
}
LINK_GB_S = {"a100-40": 600, "a100-80": 600, "h100": 900, "h200": 900, "v100-32": 300}
"""Of NVLink, both directions, as its documentation counts it."""
PCIE_GB_S = 64
"""Its documentation's figure for cards without NVLink."""
PRECISIONS = {
    "fp16": "fp16",
    "bf16": "bf16",
    "fp8": "fp8",
    "fp8_block": "fp8",
    "int8-w8a8": "int8",
    "int8-w8a16": "int8",
    "int8": "int8",
    "int4-w4a16": "int4",
    "awq-int4": "int4",
    "gptq-int4": "int4",
}
KV = {"16bit": "fp16", "fp8": "fp8", "int8": "int8"}


@cache
def _config(items: tuple[tuple[str, object], ...]) -> ModelConfig:
    shape = dict(items)
    return ModelConfig(
        name=str(shape["arch"]),
        num_layers=shape["num_hidden_layers"],
        sliding_window=shape.get("sliding_window"),
        tie_word_embeddings=shape.get("tie_word_embeddings", False),
        attention_bias=shape.get("attention_bias", False),
        **{
            key: shape[key]
            for key in (
                "hidden_size",
                "intermediate_size",
                "num_attention_heads",
                "num_key_value_heads",
                "head_dim",
                "vocab_size",
                "max_position_embeddings",
            )
        },
    )


def ask(point: Point) -> float:
    """Its answer, in the unit of perf_points.csv."""
    if point.gpu not in CARDS:
        raise NoAnswerError("gpu")
    if point.weights not in PRECISIONS or point.kv not in KV:
        raise NoAnswerError("weights")
    setup = {
        "model": _config(tuple(point.model.items())),
        "gpu": CARDS[point.gpu],
        "precision": PRECISIONS[point.weights],
        "kv_cache_precision": KV[point.kv],
        "parallelism": ParallelConfig(
            tensor_parallel=point.cards, interconnect_gbps=LINK_GB_S.get(point.gpu, PCIE_GB_S)
        ),
    }
    if point.kind == SATURATED:
        told = throughput(sequence_length=point.prompt, output_tokens=point.output, **setup)
        if not told["kv_fits"]:
            raise NoAnswerError("memory")
        return float(told["tokens_per_second"])

    def estimated(batch: int, tokens: int) -> dict:
        return estimate(batch_size=batch, sequence_length=tokens, num_generated_tokens=point.output, **setup)["details"]

    def first_token(batch: int) -> float:
        return float(estimated(batch, point.prompt)["parallelism"]["prefill_latency_s"])

    def generation(batch: int) -> float:
        return float(estimated(batch, point.prompt)["performance"]["generation_latency_s"])

    if (
        point.batch is not None
        and not estimated(point.batch, point.prompt + point.output)["parallelism"]["fits_per_gpu"]
    ):
        raise NoAnswerError("memory")
    return static_batch(point, first_token, generation)


if __name__ == "__main__":
    serve(ask)
