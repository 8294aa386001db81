"""The embedded engine, whole: llama.cpp behind a gateway that speaks TGI's API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.engines.base import AuthRule, DrainRule, EngineSpec, GenerateRule, HealthRule, MetricNames, Problem
from zephyr_deploy.engines.checks import unsupported
from zephyr_deploy.engines.llamacpp.causes import CAUSES, MILESTONES
from zephyr_deploy.engines.llamacpp.settings import API_KEY_ENV, NO_DONE

if TYPE_CHECKING:
    from zephyr_deploy.engines.base import ModelShape, ServeSettings

SERVICE_MODULE = "zephyr_deploy.engines.llamacpp.service"
ENGINE_STOP_S = 5
"""How long the engine may take to end after the last request, in seconds."""

_GGUF = "a GGUF file carries its own quantization and types"
_CPU = "the embedded engine runs on the processor"
_OTHER = "Remove it, or take another engine on a machine with a GPU."
REFUSALS = {
    "quantize": ("engine.quantize", _GGUF, "Remove it and choose a GGUF file with model.file (--file)."),
    "dtype": ("engine.dtype", _GGUF, "Remove it."),
    "kv_cache_dtype": ("engine.kv_cache_dtype", _CPU, _OTHER),
    "num_shard": ("engine.num_shard", _CPU, _OTHER),
    "speculate": ("engine.speculate", "the embedded engine does not speculate", _OTHER),
    "cuda_graphs": ("engine.cuda_graphs", _CPU, _OTHER),
    "memory_fraction": ("engine.memory_fraction", _CPU, _OTHER),
    "max_batch_prefill_tokens": (
        "limits.max_batch_prefill_tokens",
        "the embedded engine cuts prompts into steps by itself",
        "Remove it.",
    ),
    "max_batch_total_tokens": (
        "limits.max_batch_total_tokens",
        "it follows from limits.max_total_tokens and limits.parallel",
        "Remove it, and set those two.",
    ),
}


def argv(settings: ServeSettings) -> list[str]:
    """Arguments of the Python interpreter that runs the service, as far as the settings decide them."""
    return ["-m", SERVICE_MODULE, "--port", str(settings.port or 0), "--model", settings.model_id]


def env(settings: ServeSettings) -> dict[str, str]:
    """More environment for the engine's process: the user's."""
    return dict(settings.extra_env)


def problems(settings: ServeSettings, shape: ModelShape | None) -> list[Problem]:
    """What the embedded engine would refuse, or would not do."""
    found = unsupported(settings, REFUSALS)
    if set(settings.extra_args) - {NO_DONE}:
        reason = f"the embedded engine is no program that takes arguments; its gateway takes {NO_DONE} alone"
        found.append(Problem("engine.args", reason, "Remove the others."))
    if API_KEY_ENV in settings.extra_env:
        reason = "the key is made at `up` and never written into a release"
        found.append(Problem(f"engine.env.{API_KEY_ENV}", reason, "Remove it."))
    return [*found, *_limit_problems(settings, shape)]


def _limit_problems(settings: ServeSettings, shape: ModelShape | None) -> list[Problem]:
    longest_input, total = settings.max_input_tokens, settings.max_total_tokens
    found = []
    if longest_input is not None and total is not None and longest_input >= total:
        reason = f"a prompt of {longest_input} tokens leaves no room for an answer within {total}"
        found.append(Problem("limits.max_input_tokens", reason, f"Set it to {total - 1} or less."))
    if shape is not None and total is not None and total > shape.max_positions:
        reason = f"{total} is more than the model's {shape.max_positions} positions"
        found.append(Problem("limits.max_total_tokens", reason, f"Set it to {shape.max_positions} or less."))
    return found


SPEC = EngineSpec(
    name="llamacpp",
    image=None,
    container_port=0,
    argv=argv,
    env=env,
    problems=problems,
    health=HealthRule(path="/health", generates=False, port_opens_when="ready"),
    generate=GenerateRule(path="/generate", body=lambda _model: {"inputs": "Hi", "parameters": {"max_new_tokens": 1}}),
    metrics=MetricNames(
        prefix="tgi_",
        running="tgi_batch_current_size",
        queued="tgi_queue_size",
        kv_usage=None,
        generated_tokens="tgi_request_generated_tokens_sum",
        ttft=None,
        itl="tgi_request_mean_time_per_token_duration",
        requests="tgi_request_count",
    ),
    auth=AuthRule(
        env=API_KEY_ENV,
        open_paths=("/health", "/ping", "/info", "/metrics", "/v1/models", "/chat_tokenize"),
        note="The gateway asks for the key as TGI does; the engine behind it has a key of its own.",
    ),
    drain=DrainRule(
        drains=True,
        bound_s=lambda drain_s: drain_s + ENGINE_STOP_S,
        note="The gateway closes its port and lets running requests end; llama.cpp alone would cut them.",
    ),
    causes=CAUSES,
    milestones=MILESTONES,
)
