"""Kinds of networks that are known: what their config.json leaves unsaid, as in the ``transformers`` library's code."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Window = Literal["none", "all", "even", "pattern", "above", "unknown"]
"""Which layers look back no further than ``sliding_window``: none though the field is there, all, every other one from
the first, all but each n-th (``sliding_window_pattern``), those from ``max_window_layers`` on if
``use_sliding_window``; or nobody knows."""
NONE: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True)
class Family:
    """Networks of one ``model_type``: what counts their parameters, and finds their windows."""

    architectures: tuple[str, ...] = ()
    matrices: int = 3
    """Of an MLP: gate, up and down; 2 where there is no gate."""
    qkv_bias: bool = False
    out_bias: bool = False
    """Of the attention's output projection."""
    mlp_bias: bool = False
    head_bias: bool = False
    norms: int = 2
    """In a layer."""
    norm_bias: bool = False
    """LayerNorm has a bias, RMSNorm has none."""
    qk_norm: bool = False
    """A norm of each head's queries, and one of its keys."""
    tied: bool = False
    """Whether the head is the embedding where config.json does not say."""
    window: Window = "none"
    pattern: int = 6
    positions: bool = False
    """Whether positions are learned: a second embedding table."""
    shared_gate: bool = False
    """A gate of the shared expert."""
    expert_bias: bool = False
    sinks: bool = False
    """A learned number a head that takes attention from all tokens."""
    defaults: Mapping[str, object] = field(default_factory=lambda: NONE)
    """Values that config.json of published models leaves to the library, by the name that it has there."""
    nested: Mapping[str, object] = field(default_factory=lambda: NONE)
    """The same, where this network is the text part of another: the library leaves out all that is as by default."""


GEMMA3: Mapping[str, object] = MappingProxyType(
    {
        "num_attention_heads": 8,
        "num_key_value_heads": 4,
        "head_dim": 256,
        "vocab_size": 262_208,
        "max_position_embeddings": 131_072,
        "sliding_window": 4096,
    }
)
"""Of ``Gemma3TextConfig``: config.json of gemma-3-4b-it has none of them but the window."""
LLAMA: Mapping[str, object] = MappingProxyType(
    {
        "hidden_size": 4096,
        "intermediate_size": 11_008,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "vocab_size": 32_000,
        "max_position_embeddings": 2048,
    }
)
"""Of ``LlamaConfig``."""
MISTRAL: Mapping[str, object] = MappingProxyType(
    {
        **LLAMA,
        "intermediate_size": 14_336,
        "num_key_value_heads": 8,
        "max_position_embeddings": 131_072,
    }
)
"""Of ``MistralConfig``; its window, 4096, is written as null where there is none."""
OLDER = Family(qkv_bias=True, out_bias=True, mlp_bias=True, norm_bias=True, matrices=2)
"""As GPT-2 was built: a bias everywhere, and no gate."""

FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        "mistral": Family(("MistralForCausalLM",), window="all", nested=MISTRAL),
        "llama": Family(("LlamaForCausalLM", "LLaMAForCausalLM"), nested=LLAMA),
        "smollm3": Family(("SmolLM3ForCausalLM",), tied=True),
        "granite": Family(("GraniteForCausalLM",)),
        "olmo2": Family(("Olmo2ForCausalLM",)),
        "mixtral": Family(("MixtralForCausalLM",), window="all"),
        "qwen2": Family(("Qwen2ForCausalLM",), qkv_bias=True, window="above"),
        "qwen2_moe": Family(("Qwen2MoeForCausalLM",), qkv_bias=True, window="above", shared_gate=True),
        "qwen2_vl": Family(("Qwen2VLForConditionalGeneration",), qkv_bias=True, window="above"),
        "qwen2_5_vl": Family(("Qwen2_5_VLForConditionalGeneration",), qkv_bias=True, window="above"),
        "qwen3": Family(("Qwen3ForCausalLM",), qk_norm=True, window="above"),
        "qwen3_moe": Family(("Qwen3MoeForCausalLM",), qk_norm=True, window="above"),
        "qwen3_vl_text": Family(qk_norm=True),
        "qwen3_vl_moe_text": Family(qk_norm=True),
        "gpt_oss": Family(("GptOssForCausalLM",), qkv_bias=True, out_bias=True, expert_bias=True, sinks=True),
        "phi": replace(OLDER, architectures=("PhiForCausalLM",), norms=1, head_bias=True),
        "phi3": Family(("Phi3ForCausalLM",), window="all"),
        "gemma": Family(("GemmaForCausalLM",), tied=True),
        "gemma2": Family(("Gemma2ForCausalLM",), tied=True, norms=4, window="even"),
        "gemma3_text": Family(
            ("Gemma3ForCausalLM",), tied=True, norms=4, qk_norm=True, window="pattern", defaults=GEMMA3
        ),
        "gpt_neox": replace(OLDER, architectures=("GPTNeoXForCausalLM",)),
        "falcon": Family(
            ("FalconForCausalLM", "RWForCausalLM"),
            matrices=2,
            norms=1,
            norm_bias=True,
            tied=True,
            defaults=MappingProxyType({"max_position_embeddings": 2048}),
        ),
        "starcoder2": replace(OLDER, architectures=("Starcoder2ForCausalLM",), tied=True, window="all"),
        "gpt2": replace(OLDER, architectures=("GPT2LMHeadModel",), tied=True, positions=True),
        "gpt_bigcode": replace(OLDER, architectures=("GPTBigCodeForCausalLM",), tied=True, positions=True),
        "deepseek_v2": Family(("DeepseekV2ForCausalLM",)),
        "deepseek_v3": Family(("DeepseekV3ForCausalLM",)),
    }
)
"""By ``model_type``."""
ARCHITECTURES: Mapping[str, str] = MappingProxyType(
    {architecture: kind for kind, family in FAMILIES.items() for architecture in family.architectures}
)
"""From ``architectures`` to ``model_type``."""
UNKNOWN = Family(window="unknown")
"""What is taken for granted of a network that nobody here knows: that it is built as Llama is."""
