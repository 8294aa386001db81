"""From what every engine is asked, to SGLang 0.5's arguments (wheel sglang 0.5.23)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.engines.argv import options

if TYPE_CHECKING:
    from zephyr_deploy.engines.base import ServeSettings

PROGRAM = ("python3", "-m", "sglang.launch_server")
"""The image has no entry point of its own."""
QUANTIZATION = {
    # The Marlin kernels by name, for the reason given in the vLLM renderer.
    "awq": "awq_marlin",
    "gptq": "gptq_marlin",
    "marlin": "gptq_marlin",
    "fp8": "fp8",
    "compressed-tensors": "compressed-tensors",
    "bitsandbytes": "bitsandbytes",
}
"""TGI's names of quantization, in SGLang's words."""
KV_CACHE = {"fp8_e4m3fn": "fp8_e4m3", "fp8_e5m2": "fp8_e5m2"}


def arguments(settings: ServeSettings) -> list[str]:
    """Every argument that the settings decide. Metrics are off unless asked for, so they are asked for."""
    graphs = settings.cuda_graphs
    graphs_off = "disabled" if graphs == (0,) else None
    return options(
        (
            ("--model-path", settings.model_id),
            ("--revision", settings.revision),
            ("--tp-size", settings.num_shard or 1),
            ("--quantization", QUANTIZATION.get(settings.quantize or "")),
            ("--dtype", settings.dtype),
            ("--kv-cache-dtype", KV_CACHE.get(settings.kv_cache_dtype or "")),
            ("--context-length", settings.max_total_tokens),
            ("--chunked-prefill-size", settings.max_batch_prefill_tokens),
            # The same name means another thing here: the tokens of all running requests, TGI's batch total.
            ("--max-total-tokens", settings.max_batch_total_tokens),
            ("--max-running-requests", settings.max_concurrent_requests),
            ("--mem-fraction-static", settings.memory_fraction),
            ("--cuda-graph-bs-decode", graphs if graphs and not graphs_off else None),
            ("--cuda-graph-backend-decode", graphs_off),
            ("--cuda-graph-backend-prefill", graphs_off),
            ("--speculative-algorithm", "NGRAM" if settings.speculate else None),
            ("--speculative-num-draft-tokens", settings.speculate),
            ("--chat-template", settings.chat_template),
            ("--trust-remote-code", settings.trust_remote_code),
            ("--host", settings.hostname),
            ("--port", settings.port),
            ("--enable-metrics", True),
        )
    )


def argv(settings: ServeSettings) -> list[str]:
    """The command of the container."""
    return [*PROGRAM, *arguments(settings), *settings.extra_args]


def env(settings: ServeSettings) -> dict[str, str]:
    """The environment of the container: the user's own."""
    return dict(settings.extra_env)
