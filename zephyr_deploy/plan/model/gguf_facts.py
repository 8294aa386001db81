"""From the header of a GGUF file to the facts of a model: its metadata say what a config.json says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zephyr_deploy.errors import ConfigError
from zephyr_deploy.plan.model.config import Reading, read
from zephyr_deploy.plan.model.facts import Origin, StoredQuantization
from zephyr_deploy.plan.model.gguf import HINT, Array
from zephyr_deploy.plan.model.weighed import Weighed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zephyr_deploy.plan.model.gguf import Gguf

KINDS: Mapping[str, str] = {
    "llama": "llama", "qwen2": "qwen2", "qwen2moe": "qwen2_moe", "qwen3": "qwen3", "qwen3moe": "qwen3_moe",
    "phi2": "phi", "phi3": "phi3", "gemma": "gemma", "gemma2": "gemma2", "gemma3": "gemma3_text",
    "starcoder2": "starcoder2", "deepseek2": "deepseek_v3", "gptneox": "gpt_neox", "falcon": "falcon", "gpt2": "gpt2",
}  # fmt: skip
"""From llama.cpp's names (gguf-py/gguf/constants.py) to ``model_type``. Mistral and Mixtral are llama there."""
FIELDS: Mapping[str, str] = {
    "num_hidden_layers": "block_count",
    "hidden_size": "embedding_length",
    "intermediate_size": "feed_forward_length",
    "num_attention_heads": "attention.head_count",
    "num_key_value_heads": "attention.head_count_kv",
    "head_dim": "attention.key_length",
    "vocab_size": "vocab_size",
    "max_position_embeddings": "context_length",
    "sliding_window": "attention.sliding_window",
    "num_experts": "expert_count",
    "num_experts_per_tok": "expert_used_count",
    "moe_intermediate_size": "expert_feed_forward_length",
    "shared_expert_intermediate_size": "expert_shared_feed_forward_length",
    "n_shared_experts": "expert_shared_count",
    "first_k_dense_replace": "leading_dense_block_count",
    "kv_lora_rank": "attention.kv_lora_rank",
    "q_lora_rank": "attention.q_lora_rank",
    "qk_rope_head_dim": "rope.dimension_count",
    "v_head_dim": "attention.value_length",
}
"""Names of config.json, and the keys behind the architecture's name in a GGUF file that say the same."""
FILE_TYPES: Mapping[int, str] = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S", 12: "Q3_K_M",
    13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K", 32: "BF16",
}  # fmt: skip
"""``general.file_type``: LlamaFileType in llama.cpp's gguf-py/gguf/constants.py."""


def read_gguf(
    gguf: Gguf,
    file: str,
    *,
    id: str,  # noqa: A002 - as ModelFacts has it
    revision: str | None = None,
    gated: bool = False,
    origin: Origin = "hub",
) -> Reading:
    """What a GGUF file says of its model.

    Args:
        gguf: Its header.
        file: Its name, for messages.
        id: The model's.
        revision: Commit.
        gated: Whether the hub shows it only to those who accepted terms.
        origin: Where it was read.

    Raises:
        ConfigError: a number that is needed is missing, or cannot be; or it holds no tensors.
    """
    weights = _weighed(gguf)
    if weights is None:
        raise ConfigError(f"{file} holds no weights whose type is known here", hint=HINT)
    reading = read(_config(gguf), id=id, weights=weights, revision=revision, gated=gated, origin=origin)
    stored = StoredQuantization(method="gguf", bits=round(weights.bytes * 8 / weights.parameters, 3), said="gguf")
    facts = reading.facts.model_copy(update={"quantization": stored, "architecture": gguf.architecture})
    notes = tuple(note.replace("config.json", file) for note in reading.notes)
    return Reading(facts, (f"Read from {file}{_type(gguf)}.", *notes))


def _config(gguf: Gguf) -> dict[str, Any]:
    """Its metadata under the names of config.json."""
    found: dict[str, Any] = {"model_type": KINDS.get(gguf.architecture, gguf.architecture), "dtype": "float16"}
    for name, key in FIELDS.items():
        value = gguf.facts.get(f"{gguf.architecture}.{key}")
        if isinstance(value, Array):  # one for each layer
            value = max(value.values, default=None) if value.values else None
        if value is not None:
            found[name] = value
    tokens = gguf.facts.get("tokenizer.ggml.tokens")
    if "vocab_size" not in found and isinstance(tokens, Array):
        found["vocab_size"] = tokens.length
    if "kv_lora_rank" in found:
        _latent(gguf, found)
    return found


def _latent(gguf: Gguf, found: dict[str, Any]) -> None:
    """Newer files keep the widths of multi-head latent attention under keys of their own."""
    queries = gguf.number("attention.key_length_mla") or gguf.number("attention.key_length")
    if queries is not None:
        found["qk_nope_head_dim"] = queries - found.get("qk_rope_head_dim", 0)
    found["v_head_dim"] = gguf.number("attention.value_length_mla") or found.get("v_head_dim")


def _weighed(gguf: Gguf) -> Weighed | None:
    parameters = sum(tensor.elements for tensor in gguf.tensors)
    size = sum(tensor.bytes for tensor in gguf.tensors)
    if not parameters or not size:
        return None
    return Weighed(
        parameters=parameters,
        bytes=size,
        expert_parameters=sum(tensor.elements for tensor in gguf.tensors if "_exps." in tensor.name),
        has_head=any(tensor.name == "output.weight" for tensor in gguf.tensors),
        dtype="float16",
        format="gguf",
    )


def _type(gguf: Gguf) -> str:
    kind = gguf.facts.get("general.file_type")
    return f" ({FILE_TYPES[kind]})" if isinstance(kind, int) and kind in FILE_TYPES else ""
