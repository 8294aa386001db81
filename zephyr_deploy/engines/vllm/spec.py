"""vLLM, whole. Read from the wheel vllm 0.33.0; not run here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.engines.base import AuthRule, DrainRule, EngineSpec, GenerateRule, HealthRule, MetricNames, Problem
from zephyr_deploy.engines.causes import MACHINE, cause
from zephyr_deploy.engines.checks import argument_problems, shape_problems, unsupported
from zephyr_deploy.engines.vllm.render import QUANTIZATION, arguments, argv, env

if TYPE_CHECKING:
    from zephyr_deploy.engines.base import ModelShape, ServeSettings

REFUSALS = {
    "max_input_tokens": (
        "limits.max_input_tokens",
        "vLLM bounds prompt plus answer, not the prompt alone",
        "Remove it and set limits.max_total_tokens.",
    ),
    "max_batch_total_tokens": (
        "limits.max_batch_total_tokens",
        "vLLM measures how many tokens fit",
        "Remove it and set engine.memory_fraction.",
    ),
}


def problems(settings: ServeSettings, shape: ModelShape | None) -> list[Problem]:
    """What vLLM would refuse, or would not do."""
    found = unsupported(settings, REFUSALS)
    if settings.quantize is not None and settings.quantize not in QUANTIZATION:
        reason = f"vLLM 0.33 does not have {settings.quantize}"
        fix = "Use awq or gptq with a model quantized so, fp8 with any, or the tgi engine."
        found.append(Problem("engine.quantize", reason, fix))
    step, requests = settings.max_batch_prefill_tokens, settings.max_concurrent_requests
    if step is not None and requests is not None and step < requests:
        reason = f"a step of {step} tokens is too small for {requests} requests, each of which adds one to it"
        fix = f"Set it to {requests} or more, or limits.max_concurrent_requests to {step} or less."
        found.append(Problem("limits.max_batch_prefill_tokens", reason, fix))
    if "VLLM_API_KEY" in settings.extra_env:
        reason = "vLLM's key guards /v1 only; /invocations would generate for anyone"
        fix = "Remove it; access.expose asks for a token in front of every path."
        found.append(Problem("engine.env.VLLM_API_KEY", reason, fix))
    return [*found, *shape_problems(settings, shape), *argument_problems(settings, arguments(settings))]


CAUSES = (
    # vllm-project/vllm #2248, #10439
    cause(
        r"No available memory for the cache blocks",
        "The model fills the GPU's memory: nothing is left for the KV cache.",
        "Set engine.memory_fraction higher, engine.quantize, or more GPUs (engine.num_shard).",
    ),
    # vllm-project/vllm #2418
    cause(
        r"larger than the maximum number of tokens that can be stored in KV cache",
        "One request may be longer than the whole KV cache.",
        "Set limits.max_total_tokens lower, or engine.memory_fraction higher.",
    ),
    *MACHINE,
    cause(
        r"CUDA out of memory",
        "The GPU's memory is full.",
        "Set limits.max_batch_prefill_tokens or limits.max_concurrent_requests lower, or engine.quantize.",
    ),
)

SPEC = EngineSpec(
    name="vllm",
    image="vllm/vllm-openai:v0.33.0",
    container_port=8000,
    argv=argv,
    env=env,
    problems=problems,
    health=HealthRule(path="/health", generates=False, port_opens_when="ready"),
    generate=GenerateRule(path="/v1/completions", body=lambda model: {"model": model, "prompt": "Hi", "max_tokens": 1}),
    metrics=MetricNames(
        prefix="vllm:",
        running="vllm:num_requests_running",
        queued="vllm:num_requests_waiting",
        kv_usage="vllm:kv_cache_usage_perc",
        # Declared without the suffix; Prometheus' own client adds it to every counter.
        generated_tokens="vllm:generation_tokens_total",
        ttft="vllm:time_to_first_token_seconds",
        itl="vllm:inter_token_latency_seconds",
        requests="vllm:request_success_total",
    ),
    auth=AuthRule(
        env="VLLM_API_KEY",
        open_paths=(
            "/health",
            "/ping",
            "/metrics",
            "/version",
            "/load",
            "/tokenize",
            "/detokenize",
            "/invocations",
        ),
        note="Guards /v1, /v2, /inference and /cohere only: /invocations generates for anyone who reaches the port.",
    ),
    drain=DrainRule(
        drains=True,
        bound_s=lambda drain_s: drain_s,
        note="Because --shutdown-timeout is always given; by itself vLLM aborts every running request on SIGTERM.",
    ),
    shm_size="8g",
    causes=CAUSES,
)
