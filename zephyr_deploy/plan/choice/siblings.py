"""Repositories that hold the same network quantized, among the models that are known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.plan.model.table import known_model, known_models

if TYPE_CHECKING:
    from zephyr_deploy.plan.model.facts import ModelFacts

SHAPE = ("layers", "hidden", "intermediate", "heads", "kv_heads", "head_dim", "vocab", "experts")


def siblings(model: ModelFacts) -> tuple[ModelFacts, ...]:
    """Those whose name begins with the model's own and goes on, such as zephyr-7b-beta and zephyr-7B-beta-AWQ."""
    if model.quantization is not None:
        return ()
    found = (known_model(name) for name in known_models() if _name(name).startswith(f"{_name(model.id)}-"))
    return tuple(other for other in found if other and _is_served(other) and _same_network(model, other))


def _is_served(other: ModelFacts) -> bool:
    """Whether it is quantized in a form for GPUs: GGUF is for llama.cpp."""
    return other.quantization is not None and other.quantization.method not in {"gguf", "other"}


def _name(model_id: str) -> str:
    """As it is comparable: some say Meta-Llama-3.1 of what others call Llama-3.1."""
    return model_id.rpartition("/")[2].lower().removeprefix("meta-")


def _same_network(one: ModelFacts, other: ModelFacts) -> bool:
    return all(getattr(one, field) == getattr(other, field) for field in SHAPE)
