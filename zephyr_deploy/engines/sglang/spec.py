"""SGLang, whole. Read from the wheel sglang 0.5.23 and its documentation; not run here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.engines.base import AuthRule, DrainRule, EngineSpec, GenerateRule, HealthRule, MetricNames, Problem
from zephyr_deploy.engines.causes import MACHINE, cause
from zephyr_deploy.engines.checks import argument_problems, shape_problems, unsupported
from zephyr_deploy.engines.sglang.render import QUANTIZATION, arguments, argv, env

if TYPE_CHECKING:
    from zephyr_deploy.engines.base import ModelShape, ServeSettings

REFUSALS = {
    "max_input_tokens": (
        "limits.max_input_tokens",
        "SGLang bounds prompt plus answer, not the prompt alone",
        "Remove it and set limits.max_total_tokens.",
    ),
}


def problems(settings: ServeSettings, shape: ModelShape | None) -> list[Problem]:
    """What SGLang would refuse, or would not do."""
    found = unsupported(settings, REFUSALS)
    if settings.quantize is not None and settings.quantize not in QUANTIZATION:
        reason = f"SGLang does not have {settings.quantize} for weights that are not quantized yet"
        fix = "Use fp8 with any model, awq or gptq with a model quantized so, or the tgi engine."
        found.append(Problem("engine.quantize", reason, fix))
    return [*found, *shape_problems(settings, shape), *argument_problems(settings, arguments(settings))]


CAUSES = (
    # sgl-project/sglang #322, #4330
    cause(
        r"Not enough memory\. Please try to increase --mem-fraction-static",
        "The model fills the share of the GPU's memory that SGLang may use.",
        "Set engine.memory_fraction higher, engine.quantize, or more GPUs (engine.num_shard).",
    ),
    *MACHINE,
    cause(
        r"CUDA out of memory",
        "The GPU's memory is full.",
        "Set engine.memory_fraction lower: it leaves more room for the work itself; or engine.quantize.",
    ),
)

SPEC = EngineSpec(
    name="sglang",
    image="lmsysorg/sglang:v0.5.23",
    container_port=30000,
    argv=argv,
    env=env,
    problems=problems,
    health=HealthRule(path="/health", generates=True, port_opens_when="started"),
    generate=GenerateRule(path="/v1/completions", body=lambda model: {"model": model, "prompt": "Hi", "max_tokens": 1}),
    metrics=MetricNames(
        prefix="sglang:",
        running="sglang:num_running_reqs",
        queued="sglang:num_queue_reqs",
        kv_usage="sglang:token_usage",
        generated_tokens="sglang:generation_tokens_total",
        ttft="sglang:time_to_first_token_seconds",
        itl="sglang:inter_token_latency_seconds",
        requests="sglang:num_requests_total",
    ),
    auth=AuthRule(
        env=None,
        open_paths=("/health", "/health_generate", "/ready", "/metrics"),
        note="SGLang takes its key from argv only, where every user of the machine can read it.",
    ),
    drain=DrainRule(
        drains=True,
        bound_s=lambda _drain_s: None,
        note="SIGTERM waits for running requests without limit: whoever stops it must set one.",
    ),
    shm_size="32g",
    causes=CAUSES,
)
