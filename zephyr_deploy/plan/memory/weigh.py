"""Where each GPU's memory goes under an engine: a pure function."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.plan.memory.activations import sampler_bytes, step_bytes
from zephyr_deploy.plan.memory.breakdown import Memory
from zephyr_deploy.plan.memory.engines import shares
from zephyr_deploy.plan.memory.weights import weight_bytes

if TYPE_CHECKING:
    from zephyr_deploy.plan.setup import Setup


def weigh(setup: Setup, prefill_tokens: int) -> Memory:
    """The memory of each GPU.

    Args:
        setup: The model, the cards, the engine.
        prefill_tokens: Of prompts that are computed in one step (``limits.max_batch_prefill_tokens``).
    """
    share = shares(setup, prefill_tokens)
    weights = weight_bytes(setup)
    activations = step_bytes(setup.model, setup.shards, prefill_tokens)
    if setup.engine == "vllm":
        activations = max(activations, sampler_bytes(setup.model))
    graphs, outside = share.graphs, share.outside
    if share.activations_outside:
        inside = max(0, activations - outside)
        outside, activations = outside - (activations - inside), inside
    graphs = max(0, graphs - outside)
    return Memory(
        total=setup.gpu.memory_bytes,
        usable=share.usable,
        weights=weights,
        activations=activations,
        graphs=graphs,
        overhead=share.overhead,
        kv_cache=share.usable - weights - activations - graphs - share.overhead,
        kv_bytes_per_token=setup.kv_bytes_per_token,
    )
