"""The shape of a network, and the parameters that it makes: exact for the families that are known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from zephyr_deploy.plan.model.families import Family


@dataclass(frozen=True)
class Moe:
    """A mixture of experts in place of an MLP."""

    experts: int
    per_token: int
    width: int
    """Of one expert."""
    shared_width: int = 0
    """Of the experts that each token passes through, together."""
    dense_layers: int = 0
    """Layers that have an MLP all the same."""
    router_bias: bool = False
    """DeepSeek-V3 corrects its router's scores."""


@dataclass(frozen=True)
class Latent:
    """Multi-head latent attention (arXiv 2405.04434, section 2.1): widths of its projections."""

    query_rank: int
    """0: queries are projected at once."""
    kv_rank: int
    rope: int
    nope: int
    value: int

    @property
    def head_dim(self) -> int:
        """Of a query."""
        return self.rope + self.nope


@dataclass(frozen=True)
class Shape:
    """What counts."""

    layers: int
    hidden: int
    intermediate: int
    """Of an MLP."""
    heads: int
    kv_heads: int
    head_dim: int
    vocab: int
    tied: bool
    max_positions: int
    moe: Moe | None = None
    latent: Latent | None = None


class Count(NamedTuple):
    """Parameters."""

    all: int
    active: int
    """Of these, those that one token passes through."""


def count(shape: Shape, family: Family) -> Count:
    """The parameters of a network of that shape."""
    hidden, layers = shape.hidden, shape.layers
    norm = hidden * (2 if family.norm_bias else 1)
    layer = _attention(shape, family) + norm * family.norms
    outside = shape.vocab * hidden * (1 if shape.tied else 2) + norm
    outside += shape.vocab * family.head_bias + shape.max_positions * hidden * family.positions
    if shape.moe is None:
        total = layers * (layer + _mlp(shape, family)) + outside
        return Count(total, total)
    moe = shape.moe
    sparse = layers - moe.dense_layers
    expert = family.matrices * hidden * moe.width
    expert += ((family.matrices - 1) * moe.width + hidden) * family.expert_bias
    beside = (
        hidden + (moe.router_bias or family.expert_bias)
    ) * moe.experts + family.matrices * hidden * moe.shared_width
    beside += hidden * (family.shared_gate and moe.shared_width > 0)
    total = layers * layer + outside + moe.dense_layers * _mlp(shape, family) + sparse * (beside + moe.experts * expert)
    return Count(total, total - sparse * (moe.experts - moe.per_token) * expert)


def _attention(shape: Shape, family: Family) -> int:
    if shape.latent is not None:
        return _latent_attention(shape, shape.latent)
    hidden, queries, keys = shape.hidden, shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
    weights = 2 * hidden * queries + 2 * hidden * keys
    biases = (queries + 2 * keys) * family.qkv_bias + hidden * family.out_bias + shape.heads * family.sinks
    return weights + biases + 2 * shape.head_dim * family.qk_norm


def _latent_attention(shape: Shape, latent: Latent) -> int:
    hidden, queries = shape.hidden, shape.heads * latent.head_dim
    query = hidden * queries
    if latent.query_rank:
        query = latent.query_rank * (hidden + 1 + queries)  # with the norm in between
    kv = hidden * (latent.kv_rank + latent.rope) + latent.kv_rank
    kv += latent.kv_rank * shape.heads * (latent.nope + latent.value)
    return query + kv + shape.heads * latent.value * hidden


def _mlp(shape: Shape, family: Family) -> int:
    biases = ((family.matrices - 1) * shape.intermediate + shape.hidden) * family.mlp_bias
    return family.matrices * shape.hidden * shape.intermediate + biases
