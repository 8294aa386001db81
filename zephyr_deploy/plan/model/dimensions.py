"""Reads the shape of a network out of its config.json, under the names that each family has for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.errors import ConfigError
from zephyr_deploy.plan.model.fields import HINT
from zephyr_deploy.plan.model.shape import Latent, Moe, Shape

if TYPE_CHECKING:
    from zephyr_deploy.plan.model.fields import Fields

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
MOST_LAYERS, MOST_HEADS, MOST_EXPERTS = 10_000, 100_000, 100_000
MOST_WIDTH, MOST_VOCAB, MOST_POSITIONS = 10_000_000, 100_000_000, 1_000_000_000
"""Far beyond any network there is, so that a slip of the pen is found and no product overflows a float."""


def shape_of(fields: Fields, *, tied: bool) -> Shape:
    """The shape that a config.json describes.

    Args:
        fields: The part of it that describes the text model.
        tied: Whether the head is the embedding.

    Raises:
        ConfigError: a number is missing, or cannot be; it is named.
    """
    layers = layers_of(fields)
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


def layers_of(fields: Fields) -> int:
    """How many layers there are.

    Raises:
        ConfigError: nothing says it, or it cannot be.
    """
    return fields.whole(*LAYERS, most=MOST_LAYERS)
