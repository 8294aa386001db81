"""The facts of a model that memory, flags and speed depend on."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field

from zephyr_deploy.engines.base import ModelShape
from zephyr_deploy.spec.base import Frozen

NativeDtype = Literal["bfloat16", "float16", "float32"]
Origin = Literal["hub", "folder", "cache", "table"]


class StoredQuantization(Frozen):
    """How the weights in a repository are quantized already (``quantization_config`` of its config.json)."""

    method: Literal["awq", "gptq", "fp8", "compressed-tensors", "bitsandbytes", "gguf", "other"]
    bits: float
    """Of a weight, without its scales: 4, 8; GGUF's mixtures have fractions."""
    group: int | None = None
    """Weights that share a scale; None: one scale a column, or a tensor."""
    activations: Literal["16bit", "fp8", "int8"] = "16bit"
    """What is multiplied with: 16bit is weight-only quantization."""
    symmetric: bool = True
    desc_act: bool = False
    """GPTQ alone: whether columns were quantized in the order of their activations, and so lie in another order."""
    said: str = ""
    """``quant_method`` as the file has it, or a format that nobody here knows."""


class ModelFacts(Frozen):
    """A model, as its repository describes it. Counts are of the whole model, not of one shard."""

    id: str
    revision: str | None = None
    """Commit that was read; None: a folder, or the table."""
    architecture: str = ""
    """First of config.json's ``architectures``, e.g. MistralForCausalLM."""
    speed_known: bool = True
    """Whether its layers are of a kind whose time the planner can compute: attention and an MLP, dense or MoE."""
    layers: int = Field(ge=1)
    hidden: int = Field(ge=1)
    intermediate: int = Field(ge=1)
    """Width of an MLP, or of one expert."""
    heads: int = Field(ge=1)
    kv_heads: int = Field(ge=1)
    head_dim: int = Field(ge=1)
    latent_kv: int | None = Field(None, ge=1)
    """Values that multi-head latent attention keeps for a token and layer, instead of keys and values."""
    vocab: int = Field(ge=1)
    tied_embeddings: bool = False
    """Whether the output head is the embedding table."""
    max_positions: int = Field(ge=1)
    sliding_window: int | None = Field(None, ge=1)
    windowed_layers: int = Field(0, ge=0)
    """Layers whose attention looks back no further than the window."""
    experts: int = Field(0, ge=0)
    """In a layer; 0: dense."""
    experts_per_token: int = Field(0, ge=0)
    dtype: NativeDtype = "bfloat16"
    parameters: int = Field(ge=1)
    """All of them, embedding and head included; exact where `weight_bytes` is known."""
    active_parameters: int = Field(ge=1)
    """Those that one token passes through; the same as `parameters` for a dense model."""
    weight_bytes: int | None = Field(None, ge=1)
    """Of the files as they are; None: counted from the shape alone."""
    quantization: StoredQuantization | None = None
    gated: bool = False
    origin: Origin
    source: str = ""
    """Where a row of the table was read."""
    as_of: date | None = None
    """When a row of the table was read."""

    @property
    def embedding_parameters(self) -> int:
        """Of the input embedding: a gather, not a product."""
        return self.vocab * self.hidden

    @property
    def head_parameters(self) -> int:
        """Of the output head, which every step reads whole, tied or not."""
        return self.vocab * self.hidden

    @property
    def body_parameters(self) -> int:
        """All but embedding and head: what quantization shrinks."""
        return self.parameters - self.embedding_parameters * (1 if self.tied_embeddings else 2)

    @property
    def active_body_parameters(self) -> int:
        """Those of `body_parameters` that one token passes through."""
        return self.body_parameters - (self.parameters - self.active_parameters)

    def kv_values(self, shards: int = 1, *, latent: bool = True) -> float:
        """Values that the KV cache of one shard keeps for a token; heads are copied where there are more shards.

        Args:
            shards: Cards that share the model.
            latent: Whether the engine keeps the latent of multi-head latent attention, and not keys and values.
        """
        if latent and self.latent_kv is not None:
            return self.layers * self.latent_kv  # the latent is not shared between shards
        return 2 * self.layers * self.head_dim * self.kv_heads / min(shards, self.kv_heads)

    def shape(self) -> ModelShape:
        """What engines check their settings against."""
        return ModelShape(
            heads=self.heads,
            kv_heads=self.kv_heads,
            head_dim=self.head_dim,
            max_positions=self.max_positions,
            sliding_window=self.sliding_window,
            quant_method=(self.quantization.said or self.quantization.method) if self.quantization else None,
        )
