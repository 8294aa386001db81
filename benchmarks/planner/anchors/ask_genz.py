"""Asks GenZ. See README.md for how, and why so."""

from __future__ import annotations

import warnings

from asking import NoAnswerError, Point, serve, static_batch
from GenZ import ModelConfig, decode_moddeling, prefill_moddeling

CARDS = {"a100-40": "A100_40GB_GPU", "a100-80": "A100_80GB_GPU", "h100": "H100_GPU", "mi300x": "MI300X"}
BITS = {"fp16": "bf16", "bf16": "bf16", "fp8": "fp8", "fp8_block": "fp8", "int8-w8a8": "int8"}
DOES_NOT_FIT = "would not fit"


def _config(shape: dict) -> ModelConfig:
    return ModelConfig(
        model=shape["arch"],
        num_ffi=2,
        num_decoder_layers=shape["num_hidden_layers"],
        max_model_len=shape["max_position_embeddings"],
        hidden_act="silu",
        **{
            key: shape.get(key)
            for key in (
                "hidden_size",
                "intermediate_size",
                "num_attention_heads",
                "num_key_value_heads",
                "head_dim",
                "vocab_size",
                "sliding_window",
            )
        },
    )


def ask(point: Point) -> float:
    """Its answer, in the unit of perf_points.csv."""
    if point.gpu not in CARDS:
        raise NoAnswerError("gpu")
    if point.weights not in BITS or (point.kv != "16bit" and BITS[point.weights] == "bf16"):
        raise NoAnswerError("weights")
    setup = {
        "model": _config(point.model),
        "system_name": CARDS[point.gpu],
        "bits": BITS[point.weights],
        "tensor_parallel": point.cards,
        "parallelism_heirarchy": f"TP{{{point.cards}}}_EP{{1}}_PP{{1}}",
    }

    def first_token(batch: int) -> float:
        told = prefill_moddeling(batch_size=batch, input_tokens=point.prompt, **setup)
        return float(told["Latency"]) / 1e3

    def generation(batch: int) -> float:
        # one beam; the step halfway is the mean of all
        told = decode_moddeling(
            batch_size=batch, Bb=1, input_tokens=point.prompt, output_tokens=point.output // 2, **setup
        )
        return float(told["Latency"]) / 1e3 * point.output

    try:
        return static_batch(point, first_token, generation)
    except ValueError as error:
        if DOES_NOT_FIT in str(error):
            raise NoAnswerError("memory") from error
        raise


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    serve(ask)
