"""A setup, with what the user has said of it in place of what was proposed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zephyr_deploy.plan.flags.possible import kind_of

if TYPE_CHECKING:
    from zephyr_deploy.plan.setup import Setup
    from zephyr_deploy.spec.deployment import Deployment


def settle(setup: Setup, wish: Deployment) -> Setup:
    """The setup as the user wants it; the same where they say nothing of it."""
    engine = wish.engine
    said: dict[str, Any] = {}
    if engine.num_shard and engine.num_shard != setup.shards:
        said["shards"] = engine.num_shard
    if engine.quantize and engine.quantize != setup.quantize:
        said["quantize"] = engine.quantize
        said["weights"] = kind_of(setup.model, setup.gpu, setup.engine, engine.quantize)
    if engine.kv_cache_dtype:
        said["kv_cache_dtype"] = engine.kv_cache_dtype
    if engine.memory_fraction:
        said["memory_fraction"] = engine.memory_fraction
    return setup.model_copy(update=said) if said else setup


def given(wish: Deployment) -> frozenset[str]:
    """Fields of `ServeSettings` that the user has decided."""
    parts = (wish.engine, wish.limits)
    return frozenset(
        name for part in parts for name in part.model_fields_set if getattr(part, name) is not None and name != "name"
    )
