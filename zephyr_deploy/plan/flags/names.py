"""What each engine calls the settings that the planner decides; where a setting has no name, it has no such flag."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zephyr_deploy.plan.kinds import ServerName

SETTINGS = {
    "num_shard": "engine.num_shard",
    "quantize": "engine.quantize",
    "dtype": "engine.dtype",
    "kv_cache_dtype": "engine.kv_cache_dtype",
    "max_input_tokens": "limits.max_input_tokens",
    "max_total_tokens": "limits.max_total_tokens",
    "max_batch_prefill_tokens": "limits.max_batch_prefill_tokens",
    "max_batch_total_tokens": "limits.max_batch_total_tokens",
    "max_concurrent_requests": "limits.max_concurrent_requests",
    "memory_fraction": "engine.memory_fraction",
    "cuda_graphs": "engine.cuda_graphs",
    "speculate": "engine.speculate",
}
"""Fields of `ServeSettings` that are explained, in that order, and where zephyr.toml says them."""
FLAGS: dict[ServerName, dict[str, str]] = {
    "tgi": {name: "--" + name.replace("_", "-") for name in SETTINGS} | {"memory_fraction": "--cuda-memory-fraction"},
    "vllm": {
        "num_shard": "--tensor-parallel-size",
        "quantize": "--quantization",
        "dtype": "--dtype",
        "kv_cache_dtype": "--kv-cache-dtype",
        "max_total_tokens": "--max-model-len",
        "max_batch_prefill_tokens": "--max-num-batched-tokens",
        "max_concurrent_requests": "--max-num-seqs",
        "memory_fraction": "--gpu-memory-utilization",
        "cuda_graphs": "--cudagraph-capture-sizes",
        "speculate": "--speculative-config",
    },
    "sglang": {
        "num_shard": "--tp-size",
        "quantize": "--quantization",
        "dtype": "--dtype",
        "kv_cache_dtype": "--kv-cache-dtype",
        "max_total_tokens": "--context-length",
        "max_batch_prefill_tokens": "--chunked-prefill-size",
        "max_batch_total_tokens": "--max-total-tokens",
        "max_concurrent_requests": "--max-running-requests",
        "memory_fraction": "--mem-fraction-static",
        "cuda_graphs": "--cuda-graph-bs-decode",
        "speculate": "--speculative-num-draft-tokens",
    },
}
"""By engine and field, as its renderer has them (zephyr_deploy/engines)."""
