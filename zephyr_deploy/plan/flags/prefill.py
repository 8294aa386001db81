"""How many prompt tokens are computed in one step: few enough for the memory, and for the first token's time."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from zephyr_deploy.plan.flags.launcher import default_prefill_tokens
from zephyr_deploy.plan.memory.room import LEAST_PREFILL, has_room, most, most_prefill

if TYPE_CHECKING:
    from collections.abc import Callable

    from zephyr_deploy.plan.setup import Setup

MOST = 16384
"""vLLM and SGLang take no more on any card: running requests wait while a step of prompts is computed."""
GIB = 2**30


class Prefill(NamedTuple):
    """The number, and why."""

    tokens: int
    why: str


def engine_default(setup: Setup) -> int:
    """What the engine would take where it is not told."""
    memory = setup.gpu.memory_bytes
    match setup.engine:
        case "tgi":
            return default_prefill_tokens(setup)
        case "vllm":  # engine/arg_utils.py of 0.33.0, for the server
            if memory >= 160 * GIB:
                return 16384
            return 8192 if memory >= 70 * GIB and "a100" not in setup.gpu.models else 2048
        case "sglang":  # arg_groups/memory_hook.py of 0.5.23
            if memory >= 160 * GIB:
                return 16384
            return 8192 if memory >= 60 * GIB else 4096 if memory >= 20 * GIB else 2048


def choose_prefill(
    setup: Setup, longest: int, *, ttft_ms: float | None = None, prefill_ms: Callable[[int], float] | None = None
) -> Prefill:
    """The most prompt tokens of a step that leave room for a request of ``longest`` tokens and keep the time."""
    own = min(engine_default(setup), setup.model.max_positions)
    tokens, why = max(LEAST_PREFILL, min(own, MOST)), _WHY[setup.engine]
    if own > MOST:
        why = f"More keep running requests waiting for longer; the engine would take {own}"
    if ttft_ms is not None and prefill_ms is not None and prefill_ms(tokens) > ttft_ms:
        tokens = most(tokens, LEAST_PREFILL, lambda count: prefill_ms(count) <= ttft_ms)
        why = f"The most that is computed within {ttft_ms:g} ms, the time to the first token that is asked for"
        if prefill_ms(tokens) > ttft_ms:
            why = f"The fewest that are of use; {ttft_ms:g} ms to the first token are asked for, and these take longer"
    if not has_room(setup, tokens, longest):
        tokens = most_prefill(setup, tokens, longest)
        why = f"The most that leaves room for a request of {longest} tokens"
        if not has_room(setup, tokens, longest):
            why = f"The fewest that are of use; even so a request of {longest} tokens has no room for sure"
    return Prefill(tokens, f"{why}.")


_WHY = {
    "tgi": "What TGI's launcher computes for this card and model",
    "vllm": "What vLLM takes on a card of this memory",
    "sglang": "What SGLang takes on a card of this memory",
}
