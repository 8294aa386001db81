"""What a user should know of facts that were read: what is unusual, guessed or left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zephyr_deploy.plan.model.facts import ModelFacts
    from zephyr_deploy.plan.model.fields import Fields
    from zephyr_deploy.plan.model.weighed import Weighed

SENSES = ("vision_config", "visual", "audio_config", "vision_tower", "mm_vision_tower")
"""Fields of models that read pictures or sound."""
FOREIGN = ("linear_attention", "mamba", "recurrent", "conv")
"""Layers without a KV cache, by the words in ``layer_types``."""
RECURRENT = ("ssm_cfg", "mamba_d_state", "ssm_state_size", "mamba_expand", "attn_layer_period", "rwkv_version")
"""Fields of models that have such layers."""
AGREEMENT = 0.02
"""So far may headers and shape differ for a network that is known, before it is said."""


def oddity(outer: Fields, fields: Fields) -> str:
    """Why the network is of another kind than attention and an MLP in each layer; empty where it is not."""
    if outer.flag("is_encoder_decoder", default=False):
        return "it has an encoder and a decoder"
    kinds = fields.get("layer_types")
    words = {kind for kind in kinds if isinstance(kind, str)} if isinstance(kinds, list) else set()
    foreign = sorted(kind for kind in words if any(word in kind for word in FOREIGN))
    if foreign:
        return f"some layers are {', '.join(foreign)}"
    found = next((name for name in RECURRENT if fields.get(name) is not None), None)
    return f"some layers keep a state of their own ({found})" if found else ""


def remarks(facts: ModelFacts, outer: Fields, *, counted: int, weights: Weighed | None, odd: str) -> Iterator[str]:
    """Sentences, each complete.

    Args:
        facts: As they were read.
        outer: The whole config.json.
        counted: Parameters by the shape.
        weights: What the headers of the files add up to, if they were read.
        odd: See `oddity`.
    """
    if odd:
        yield f"{facts.id}: {odd}. Memory is an estimate, and no speed is predicted."
    elif not facts.speed_known:
        what = facts.architecture or "a network without a name"
        yield f"{what} is not known here: memory is counted by its shape, and no speed is predicted."
    if any(outer.get(name) is not None for name in SENSES):
        yield f"{facts.id} reads more than text: its text part is planned, and no work on pictures or sound."
    stored = facts.quantization
    if stored and stored.method == "other":
        yield f"The weights are quantized in a way that is not known here ({stored.said}): {stored.bits:g} bits each."
    if weights:
        here, believed = weights.parameters - weights.other_parameters, facts.weight_bytes is not None
        if not believed or (facts.speed_known and abs(here - counted) > AGREEMENT * counted):
            yield (
                f"The files have {here / 1e9:.3g} billion parameters, and config.json makes {counted / 1e9:.3g}: "
                f"{'the files are' if believed else 'config.json is'} believed."
            )
