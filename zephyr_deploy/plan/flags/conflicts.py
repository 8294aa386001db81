"""Why an engine would refuse a setup on these cards, beyond what its own rules see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.engines.base import Problem
from zephyr_deploy.engines.registry import engine as engine_spec
from zephyr_deploy.plan.flags.possible import NAMES, card_refusal, forms, shard_refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zephyr_deploy.engines.base import ServeSettings
    from zephyr_deploy.plan.setup import Setup


def conflicts(setup: Setup, serve: ServeSettings) -> tuple[Problem, ...]:
    """Everything that speaks against it; nothing is said twice of a setting."""
    found = [*_card(setup, serve), *engine_spec(setup.engine).problems(serve, setup.model.shape())]
    return tuple({problem.setting: problem for problem in reversed(found)}.values())[::-1]


def _card(setup: Setup, serve: ServeSettings) -> Iterator[Problem]:
    refused = card_refusal(setup.gpu, setup.engine)
    if refused:
        yield Problem("machine.gpu", refused, "Take another card, or another engine.")
    elif (setup.weights, setup.quantize) not in _accepted(setup):
        what = f"{setup.quantize} weights" if setup.quantize else f"weights as {setup.model.id} has them"
        yield Problem(
            "engine.quantize", f"{NAMES[setup.engine]} does not take {what} on {setup.gpu.name}", _others(setup)
        )
    shards = shard_refusal(setup.model, setup.shards, setup.engine)
    if shards:
        yield Problem("engine.num_shard", shards, "Take a number of GPUs that divides them.")
    total, positions = serve.max_total_tokens or 0, setup.model.max_positions
    if total > positions:
        reason = f"{total} is more than the model's {positions} positions"
        yield Problem("limits.max_total_tokens", reason, f"Set it to {positions} or less.")
    window = setup.model.sliding_window
    if window and setup.engine == "tgi" and setup.gpu.capability < (8, 0) and (serve.max_input_tokens or 0) > window:
        reason = f"on {setup.gpu.name} TGI cannot compute a window, and the model's is {window} tokens"
        yield Problem("limits.max_input_tokens", reason, f"Set it to {window} or less.")
    if serve.dtype == "bfloat16" and not setup.gpu.bf16:
        yield Problem("engine.dtype", f"{setup.gpu.name} does not compute in bfloat16", "Say float16.")


def _accepted(setup: Setup) -> set[tuple[object, object]]:
    possible = set[tuple[object, object]](forms(setup.model, setup.gpu, setup.engine))
    if (
        setup.model.quantization
    ):  # to say what the repository says is no mistake; whether it is, the engine's rules tell
        possible |= {(kind, setup.quantize) for kind, _ in possible}
    # slow ways, which the planner does not propose and the engine takes
    if setup.engine == "tgi" and setup.quantize in {"bitsandbytes", "bitsandbytes-fp4", "marlin", "exl2"}:
        possible.add((setup.weights, setup.quantize))
    return possible


def _others(setup: Setup) -> str:
    told = [quantize or "none" for _, quantize in forms(setup.model, setup.gpu, setup.engine)]
    return f"It takes {', '.join(told)}." if told else "Take another card, another engine, or another repository."
