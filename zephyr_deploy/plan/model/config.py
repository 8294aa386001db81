"""From a config.json to the facts of a model: a pure function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from zephyr_deploy.errors import ConfigError
from zephyr_deploy.plan.model.facts import ModelFacts, NativeDtype, Origin
from zephyr_deploy.plan.model.families import ARCHITECTURES, FAMILIES, UNKNOWN, Family
from zephyr_deploy.plan.model.fields import HINT, Fields
from zephyr_deploy.plan.model.quantized import stored
from zephyr_deploy.plan.model.remarks import oddity, remarks
from zephyr_deploy.plan.model.shape import Latent, Moe, Shape, count
from zephyr_deploy.plan.model.window import windows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zephyr_deploy.plan.model.weighed import Weighed

LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
HIDDEN = ("hidden_size", "n_embd", "d_model")
HEADS = ("num_attention_heads", "n_head", "n_heads")
KV_HEADS = ("num_key_value_heads", "num_kv_heads", "n_head_kv", "multi_query_group_num")
INTERMEDIATE = ("intermediate_size", "ffn_hidden_size", "n_inner", "ffn_dim")
VOCAB = ("vocab_size", "padded_vocab_size")
POSITIONS = ("max_position_embeddings", "n_positions", "seq_length", "max_sequence_length", "max_seq_len", "n_ctx")
EXPERTS = ("num_local_experts", "num_experts", "n_routed_experts")
PER_TOKEN = ("num_experts_per_tok", "num_experts_per_token", "experts_per_token")
"""Names that the same thing has in config.json of one family or another."""
DTYPES: Mapping[str, NativeDtype] = {"bfloat16": "bfloat16", "float16": "float16", "float32": "float32"}
MOST_LAYERS, MOST_HEADS, MOST_EXPERTS = 10_000, 100_000, 100_000
MOST_WIDTH, MOST_VOCAB, MOST_POSITIONS = 10_000_000, 100_000_000, 1_000_000_000
"""Far beyond any network there is, so that a slip of the pen is found and no product overflows a float."""
COMPLETE = 0.9
"""A network that is known, and whose files have less than this share of the parameters that its shape makes, is not
all there."""


class Reading(NamedTuple):
    """The facts, and what whoever sees them should know of them."""

    facts: ModelFacts
    notes: tuple[str, ...]


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
    outer = Fields(id, config, {})
    text, nested = outer.text_part()
    architecture = _architecture(outer) or _architecture(text)
    kind = ARCHITECTURES.get(architecture) or text.text("model_type")
    family = FAMILIES.get(kind, UNKNOWN)
    fields = Fields(id, text.values, {**family.defaults, **(family.nested if nested else {})}, text.where)
    shape = _shape(fields, tied=_tied(outer, fields, family, weights))
    counted = count(shape, family)
    window = windows(fields, family, layers=shape.layers, max_positions=shape.max_positions)
    known = kind in FAMILIES and (nested or not architecture or architecture in ARCHITECTURES)
    odd = oddity(outer, fields)
    found, weights = weights, _believed(weights, counted.all, shape, known=known and not odd)
    moe = shape.moe
    facts = ModelFacts(
        id=id,
        revision=revision,
        architecture=architecture,
        speed_known=known and not odd,
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


def layers_of(config: Mapping[str, Any], id: str) -> int:  # noqa: A002 - as ModelFacts has it
    """How many layers there are: tensors of further ones are not loaded (a head that speculates, in DeepSeek-V3).

    Raises:
        ConfigError: the config does not say, or something that cannot be.
    """
    return Fields(id, config, {}).text_part()[0].whole(*LAYERS, most=MOST_LAYERS)


def _architecture(fields: Fields) -> str:
    names = fields.get("architectures")
    if names is None or names == []:
        return ""
    if not isinstance(names, list) or not isinstance(names[0], str):
        fields.wrong("architectures", "a list of names")
    return names[0]


def _shape(fields: Fields, *, tied: bool) -> Shape:
    layers = fields.whole(*LAYERS, most=MOST_LAYERS)
    hidden = fields.whole(*HIDDEN, most=MOST_WIDTH)
    heads = fields.whole(*HEADS, most=MOST_HEADS)
    latent = _latent(fields)
    moe = _moe(fields, layers)
    return Shape(
        layers=layers,
        hidden=hidden,
        intermediate=_intermediate(fields, hidden, moe),
        heads=heads,
        kv_heads=heads if latent else _kv_heads(fields, heads),
        head_dim=latent.head_dim if latent else _head_dim(fields, hidden, heads),
        vocab=fields.whole(*VOCAB, most=MOST_VOCAB),
        tied=tied,
        max_positions=fields.whole(*POSITIONS, most=MOST_POSITIONS),
        moe=moe,
        latent=latent,
    )


def _kv_heads(fields: Fields, heads: int) -> int:
    """As many as heads where nothing is said, or one where ``multi_query`` says it (Falcon, StarCoder)."""
    newer = fields.flag("new_decoder_architecture", default=False)  # Falcon's, which then says how many
    if fields.flag("multi_query", default=False) and not newer:
        return 1
    found = fields.whole_or_none(*KV_HEADS, most=MOST_HEADS) or heads
    if found > heads:
        fields.wrong(next(name for name in KV_HEADS if fields.get(name) is not None), f"at most {heads}, its heads")
    return found


def _head_dim(fields: Fields, hidden: int, heads: int) -> int:
    said = fields.whole_or_none("head_dim", "kv_channels", most=MOST_WIDTH)
    if said is None and hidden % heads:
        text = (
            f"{fields.model}: {fields.where} has no head_dim, and hidden_size {hidden} is no multiple of {heads} heads"
        )
        raise ConfigError(text, hint=HINT, details={"field": "head_dim"})
    return said or hidden // heads


def _intermediate(fields: Fields, hidden: int, moe: Moe | None) -> int:
    said = fields.whole_or_none(*INTERMEDIATE, most=MOST_WIDTH)
    if said is None and moe is not None:
        return moe.width
    if said is None and fields.text("model_type") in {"falcon", "gpt2", "gpt_bigcode"}:
        return 4 * hidden  # as their code has it where n_inner or ffn_hidden_size is null
    return said or fields.whole(*INTERMEDIATE, most=MOST_WIDTH)


def _moe(fields: Fields, layers: int) -> Moe | None:
    experts = fields.whole_or_none(*EXPERTS, most=MOST_EXPERTS, least=0) or 0
    if experts < 2:  # noqa: PLR2004 - one expert is an MLP
        return None
    per_token = fields.whole(*PER_TOKEN, most=experts)
    width = fields.whole("moe_intermediate_size", *INTERMEDIATE, most=MOST_WIDTH)
    shared = fields.whole_or_none("n_shared_experts", most=MOST_EXPERTS, least=0) or 0
    own = fields.whole_or_none("shared_expert_intermediate_size", most=MOST_WIDTH, least=0) or 0
    dense = fields.whole_or_none("first_k_dense_replace", most=layers, least=0) or 0
    step = fields.whole_or_none("decoder_sparse_step", most=MOST_LAYERS) or 1
    listed = fields.get("mlp_only_layers")
    dense += len(listed) if isinstance(listed, list) else 0
    dense += layers - layers // step
    return Moe(
        experts=experts,
        per_token=per_token,
        width=width,
        shared_width=shared * width + own,
        dense_layers=min(layers, dense),
        router_bias=fields.text("model_type") == "deepseek_v3",
    )


def _latent(fields: Fields) -> Latent | None:
    rank = fields.whole_or_none("kv_lora_rank", most=MOST_WIDTH)
    if rank is None:
        return None
    return Latent(
        query_rank=fields.whole_or_none("q_lora_rank", most=MOST_WIDTH, least=0) or 0,
        kv_rank=rank,
        rope=fields.whole("qk_rope_head_dim", most=MOST_WIDTH),
        nope=fields.whole("qk_nope_head_dim", most=MOST_WIDTH),
        value=fields.whole("v_head_dim", most=MOST_WIDTH),
    )


def _tied(outer: Fields, fields: Fields, family: Family, weights: Weighed | None) -> bool:
    """The files know best: without a head of its own, a model uses its embedding."""
    said = fields.flag("tie_word_embeddings", default=outer.flag("tie_word_embeddings", default=family.tied))
    return said or (weights is not None and not weights.has_head)


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
