"""Asks llm-analysis. See README.md for how, and why so."""

from __future__ import annotations

import logging
from functools import cache

from asking import NoAnswerError, Point, serve, static_batch
from llm_analysis import analysis, config

CARDS = {
    "a100-40": "a100-sxm-40gb",
    "a100-80": "a100-sxm-80gb",
    "h100": "h100-sxm-80gb",
    "h100-pcie": "h100-pcie-80gb",
    "v100-32": "v100-sxm-32gb",
    "a10g": "a10g-pcie-24gb",
    "a6000": "a6000-48gb",
}
DTYPES = {
    "fp16": "w16a16e16",
    "bf16": "w16a16e16",
    "int8": "w8a16e16",
    "int8-w8a16": "w8a16e16",
    "int8-w8a8": "w8a8e16",
    "int4-w4a16": "w4a16e16",
    "awq-int4": "w4a16e16",
    "gptq-int4": "w4a16e16",
}
KV_BYTES = {"16bit": 2, "fp8": 1, "int8": 1}
FLOPS_EFFICIENCY, MEMORY_EFFICIENCY = 0.7, 0.65
"""Its README's figure for inference; the middle of what it says of inference in the warning that higher ones print."""
GATED = 1.5
"""It knows MLPs of two matrices: three are told as two that are so much wider."""


@cache
def _analysis(shape: tuple[tuple[str, object], ...], card: str, dtype: str, cards: int) -> analysis.LLMAnalysis:
    told = dict(shape)
    hidden, wide = int(told["hidden_size"]), int(told["intermediate_size"] * GATED)
    return analysis.LLMAnalysis(
        config.ModelConfig(
            name=str(told["arch"]),
            num_layers=told["num_hidden_layers"],
            n_head=told["num_attention_heads"],
            hidden_dim=hidden,
            vocab_size=told["vocab_size"],
            max_seq_len=told["max_position_embeddings"],
            num_key_value_heads=told["num_key_value_heads"],
            ffn_embed_dim=wide,
            expansion_ratio=wide / hidden,
            model_type=told["model_type"],
        ),
        config.get_gpu_config_by_name(card),
        config.get_dtype_config_by_name(dtype),
        config.ParallelismConfig(tp_size=cards),
        flops_efficiency=FLOPS_EFFICIENCY,
        hbm_memory_efficiency=MEMORY_EFFICIENCY,
    )


def ask(point: Point) -> float:
    """Its answer, in the unit of perf_points.csv."""
    if point.gpu not in CARDS:
        raise NoAnswerError("gpu")
    if point.weights not in DTYPES:
        raise NoAnswerError("weights")
    if point.model["head_dim"] * point.model["num_attention_heads"] != point.model["hidden_size"]:
        raise NoAnswerError("model")
    asked = _analysis(tuple(point.model.items()), CARDS[point.gpu], DTYPES[point.weights], point.cards)

    def told(batch: int) -> dict:
        try:
            return asked.inference(
                batch_size_per_gpu=batch,
                seq_len=point.prompt,
                num_tokens_to_generate=point.output,
                kv_cache_dtype_bytes=KV_BYTES[point.kv],
            )
        except AssertionError as error:
            if "fit" in str(error):
                raise NoAnswerError("memory") from error
            raise

    return static_batch(
        point, lambda batch: told(batch)["prefill_latency"], lambda batch: told(batch)["total_decode_latency"]
    )


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    config.populate_model_and_gpu_configs()
    serve(ask)
