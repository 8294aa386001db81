"""From a config.json to the facts of a model: a pure function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from zephyr_deploy.plan.model.dimensions import layers_of, shape_of
from zephyr_deploy.plan.model.facts import ModelFacts, NativeDtype, Origin, StoredQuantization
from zephyr_deploy.plan.model.families import ARCHITECTURES, FAMILIES, UNKNOWN, Family
from zephyr_deploy.plan.model.fields import Fields
from zephyr_deploy.plan.model.quantized import stored
from zephyr_deploy.plan.model.remarks import oddity, remarks
from zephyr_deploy.plan.model.shape import Moe, Shape, count
from zephyr_deploy.plan.model.window import windows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zephyr_deploy.plan.model.weighed import Weighed

DTYPES: Mapping[str, NativeDtype] = {"bfloat16": "bfloat16", "float16": "float16", "float32": "float32"}
COMPLETE = 0.9
"""A network that is known, and whose files have less than this share of the parameters that its shape makes, is not
all there."""


class Reading(NamedTuple):
    """The facts, and what whoever sees them should know of them."""

    facts: ModelFacts
    notes: tuple[str, ...]


class Outline(NamedTuple):
    """What decides which tensors of a model are loaded, and what they stand for."""

    layers: int
    tied: bool
    """Whether the head is the embedding."""
    quantization: StoredQuantization | None


def facts_of(config: Mapping[str, Any], *, id: str, weights: Weighed | None = None, **about: Any) -> ModelFacts:  # noqa: A002 - as ModelFacts has it
    """The facts alone; see `read`."""
    return read(config, id=id, weights=weights, **about).facts


def read(
    config: Mapping[str, Any],
    *,
    id: str,  # noqa: A002 - as ModelFacts has it
    weights: Weighed | None = None,
    revision: str | None = None,
    gated: bool = False,
    origin: Origin = "hub",
) -> Reading:
    """What a config.json says of a model.

    Args:
        config: Its content.
        id: The model's, also for messages.
        weights: What the headers of the weight files add up to; None: parameters are counted by the shape.
        revision: Commit.
        gated: Whether the hub shows the files only to those who accepted terms.
        origin: Where the config was read.

    Raises:
        ConfigError: a field that is needed is missing, or has a value that cannot be; the field is named.
    """
    parts = _Parts.of(config, id)
    fields, outer = parts.fields, parts.outer
    shape = shape_of(fields, tied=parts.tied or (weights is not None and not weights.has_head))
    counted = count(shape, parts.family)
    window = windows(fields, parts.family, layers=shape.layers, max_positions=shape.max_positions)
    odd = oddity(outer, fields)
    found, weights = weights, _believed(weights, counted.all, shape, known=parts.known and not odd)
    moe = shape.moe
    facts = ModelFacts(
        id=id,
        revision=revision,
        architecture=parts.architecture,
        speed_known=parts.known and not odd,
        layers=shape.layers,
        hidden=shape.hidden,
        intermediate=moe.width if moe else shape.intermediate,
        heads=shape.heads,
        kv_heads=shape.kv_heads,
        head_dim=shape.head_dim,
        latent_kv=shape.latent.kv_rank + shape.latent.rope if shape.latent else None,
        vocab=shape.vocab,
        tied_embeddings=shape.tied,
        max_positions=shape.max_positions,
        sliding_window=window.length,
        windowed_layers=window.layers,
        experts=moe.experts if moe else 0,
        experts_per_token=moe.per_token if moe else 0,
        dtype=_dtype(outer, fields, weights),
        parameters=weights.parameters if weights else counted.all,
        active_parameters=_active(weights, moe) if weights else counted.active,
        weight_bytes=weights.bytes if weights else None,
        quantization=stored(outer) or stored(fields),
        gated=gated,
        origin=origin,
    )
    return Reading(facts, tuple(remarks(facts, outer, counted=counted.all, weights=found, odd=odd)))


def outline(config: Mapping[str, Any], id: str) -> Outline:  # noqa: A002 - as ModelFacts has it
    """What decides which tensors are loaded.

    Raises:
        ConfigError: a field that is needed is missing, or has a value that cannot be; the field is named.
    """
    parts = _Parts.of(config, id)
    return Outline(layers_of(parts.fields), parts.tied, stored(parts.outer) or stored(parts.fields))


class _Parts(NamedTuple):
    """A config.json, taken apart."""

    outer: Fields
    """All of it."""
    fields: Fields
    """What describes the text model."""
    architecture: str
    family: Family
    known: bool
    """Whether the family is."""
    tied: bool
    """Whether the head is the embedding, as far as the config says it."""

    @classmethod
    def of(cls, config: Mapping[str, Any], model: str) -> _Parts:
        outer = Fields(model, config, {})
        text, nested = outer.text_part()
        architecture = _architecture(outer) or _architecture(text)
        kind = ARCHITECTURES.get(architecture) or text.text("model_type")
        family = FAMILIES.get(kind, UNKNOWN)
        known = kind in FAMILIES and (nested or not architecture or architecture in ARCHITECTURES)
        fields = Fields(model, text.values, {**family.defaults, **(family.nested if nested else {})}, text.where)
        tied = fields.flag("tie_word_embeddings", default=outer.flag("tie_word_embeddings", default=family.tied))
        return cls(outer, fields, architecture, family, known, tied)


def _architecture(fields: Fields) -> str:
    names = fields.get("architectures")
    if names is None or names == []:
        return ""
    if not isinstance(names, list) or not isinstance(names[0], str):
        fields.wrong("architectures", "a list of names")
    return names[0]


def _dtype(outer: Fields, fields: Fields, weights: Weighed | None) -> NativeDtype:
    """As the config says; else as most tensors are; else 16 bits, in which engines load what says nothing."""
    for part in (outer, fields):
        if found := DTYPES.get(part.text("torch_dtype", "dtype").removeprefix("torch.")):
            return found
    return (weights.dtype if weights else None) or "bfloat16"


def _believed(weights: Weighed | None, counted: int, shape: Shape, *, known: bool) -> Weighed | None:
    """The headers, or None where they lack so much that they cannot be all of the model."""
    if weights is None:
        return None
    least = counted * COMPLETE if known else shape.vocab * shape.hidden * (1 if shape.tied else 2)
    return weights if weights.parameters > least else None


def _active(weights: Weighed, moe: Moe | None) -> int:
    idle = weights.expert_parameters * (moe.experts - moe.per_token) // moe.experts if moe else 0
    return max(1, weights.parameters - weights.other_parameters - idle)
