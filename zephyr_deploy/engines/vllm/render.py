"""From what every engine is asked, to vLLM 0.33's arguments (wheel vllm 0.33.0)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from zephyr_deploy.engines.argv import options

if TYPE_CHECKING:
    from zephyr_deploy.engines.base import ServeSettings

QUANTIZATION = {
    # The Marlin kernels by name: plain `awq` and `gptq` would force the slower ones on the same GPUs.
    "awq": "awq_marlin",
    "gptq": "gptq_marlin",
    "marlin": "gptq_marlin",
    "fp8": "fp8",
    "compressed-tensors": "compressed-tensors",
}
"""TGI's names of quantization, in vLLM's words.

Its int8_per_channel_weight_only is not eetq: it quantizes the experts of a mixture and leaves every other weight in 16
bits (vllm/config/quantization.py)."""
KV_CACHE = {"fp8_e4m3fn": "fp8_e4m3", "fp8_e5m2": "fp8_e5m2"}
NGRAM_LOOKUP_MAX = 4
"""Longest n-gram looked up when speculating; the value of vLLM's own documentation (features: n-gram)."""


def arguments(settings: ServeSettings) -> list[str]:
    """Every argument that the settings decide; the image's entry point is the server itself.

    The model also answers to ``tgi`` and ``dummy``, which TGI's clients send as its name.
    """
    graphs = settings.cuda_graphs
    return options(
        (
            ("--model", settings.model_id),
            ("--served-model-name", (settings.model_id, "tgi", "dummy")),
            ("--revision", settings.revision),
            ("--tensor-parallel-size", settings.num_shard or 1),
            ("--quantization", QUANTIZATION.get(settings.quantize or "")),
            ("--dtype", settings.dtype),
            ("--kv-cache-dtype", KV_CACHE.get(settings.kv_cache_dtype or "")),
            ("--max-model-len", settings.max_total_tokens),
            ("--max-num-batched-tokens", settings.max_batch_prefill_tokens),
            ("--max-num-seqs", settings.max_concurrent_requests),
            ("--gpu-memory-utilization", settings.memory_fraction),
            ("--enforce-eager", graphs == (0,)),
            ("--cudagraph-capture-sizes", graphs if graphs and graphs != (0,) else None),
            ("--speculative-config", _ngram(settings.speculate)),
            ("--chat-template", settings.chat_template),
            ("--trust-remote-code", settings.trust_remote_code),
            ("--host", settings.hostname),
            ("--port", settings.port),
            ("--shutdown-timeout", settings.drain_s),
        )
    )


def argv(settings: ServeSettings) -> list[str]:
    """The arguments of the container."""
    return [*arguments(settings), *settings.extra_args]


def env(settings: ServeSettings) -> dict[str, str]:
    """The environment of the container: no reports of use to vLLM's makers, then the user's own."""
    return {"VLLM_NO_USAGE_STATS": "1"} | settings.extra_env


def _ngram(tokens: int | None) -> str | None:
    if tokens is None:
        return None
    return json.dumps(
        {"method": "ngram", "num_speculative_tokens": tokens, "prompt_lookup_max": NGRAM_LOOKUP_MAX},
        separators=(",", ":"),
    )
