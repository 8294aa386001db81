"""config.json of published models, as far as it says what the network is; and a tiny model, with its files."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from pathlib import Path

from zephyr_deploy.plan.model.gguf import BLOCKS
from zephyr_deploy.plan.model.safetensors import BITS

ZEPHYR = json.loads((Path(__file__).parents[2] / "lab" / "hubdata" / "config.json").read_text())

TINY = {
    "architectures": ["MistralForCausalLM"],
    "model_type": "mistral",
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "num_hidden_layers": 2,
    "vocab_size": 100,
    "max_position_embeddings": 512,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
}
Described = Mapping[str, tuple[str, list[int]]]
"""Tensors: name to type and shape."""


def tensors(*, layers: int = 2, head: bool = True, dtype: str = "BF16") -> dict[str, tuple[str, list[int]]]:
    """Of a model like `TINY`."""
    found = {"model.embed_tokens.weight": [100, 64], "model.norm.weight": [64]}
    for layer in range(layers):
        at = f"model.layers.{layer}"
        for name, rows, columns in (
            ("self_attn.q_proj", 64, 64),
            ("self_attn.k_proj", 32, 64),
            ("self_attn.v_proj", 32, 64),
            ("self_attn.o_proj", 64, 64),
            ("mlp.gate_proj", 128, 64),
            ("mlp.up_proj", 128, 64),
            ("mlp.down_proj", 64, 128),
        ):
            found[f"{at}.{name}.weight"] = [rows, columns]
        found |= {f"{at}.input_layernorm.weight": [64], f"{at}.post_attention_layernorm.weight": [64]}
    if head:
        found["lm_head.weight"] = [100, 64]
    return {name: (dtype, shape) for name, shape in found.items()}


def packed(*, layers: int = 2, method: str = "awq") -> dict[str, tuple[str, list[int]]]:
    """The same, with the layers' matrices in 4 bits: eight weights an integer, as AutoAWQ or AutoGPTQ pack them."""
    found = {}
    for name, (dtype, shape) in tensors(layers=layers, dtype="F16").items():
        if len(shape) == 1 or ".layers." not in name:
            found[name] = (dtype, shape)
            continue
        (rows, columns), base = shape, name.removesuffix(".weight")
        groups = columns // 32
        found[f"{base}.qweight"] = ("I32", [columns, rows // 8] if method == "awq" else [columns // 8, rows])
        found[f"{base}.qzeros"] = ("I32", [groups, rows // 8])
        found[f"{base}.scales"] = ("F16", [groups, rows])
        if method == "gptq":
            found[f"{base}.g_idx"] = ("I32", [columns])
    return found


def safetensors(described: Described, *, cut: int = 0) -> bytes:
    """A whole file of zeros, or one that lacks its last bytes."""
    header, at = {"__metadata__": {"format": "pt"}}, 0
    for name, (dtype, shape) in described.items():
        size = BITS[dtype]
        for length in shape:
            size *= length
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + size // 8]}
        at += size // 8
    text = json.dumps(header).encode()
    content = struct.pack("<Q", len(text)) + text + bytes(at)
    return content[: len(content) - cut]


def in_two(described: Described) -> dict[str, bytes | dict]:
    """Two files and their index."""
    names = list(described)
    parts = {"model-00001-of-00002.safetensors": names[::2], "model-00002-of-00002.safetensors": names[1::2]}
    files: dict[str, bytes | dict] = {
        file: safetensors({name: described[name] for name in part}) for file, part in parts.items()
    }
    weight_map = {name: file for file, part in parts.items() for name in part}
    return {**files, "model.safetensors.index.json": {"metadata": {}, "weight_map": weight_map}}


def gguf(facts: Mapping[str, object], described: Mapping[str, tuple[int, list[int]]]) -> bytes:
    """A whole GGUF file: metadata (texts, numbers, lists of either), and tensors by type and shape."""
    body, at = b"", 0
    for key, value in facts.items():
        body += _text(key) + _value(value)
    for name, (kind, shape) in described.items():
        per_block, size = BLOCKS[kind]
        body += _text(name) + struct.pack("<I", len(shape)) + b"".join(struct.pack("<Q", n) for n in shape)
        body += struct.pack("<IQ", kind, at)
        at += math.prod(shape) // per_block * size
    header = b"GGUF" + struct.pack("<IQQ", 3, len(described), len(facts)) + body
    return header + b"\0" * (-len(header) % 32) + bytes(at)


def _text(text: str) -> bytes:
    return struct.pack("<Q", len(text)) + text.encode()


def _value(value: object) -> bytes:
    if isinstance(value, str):
        return struct.pack("<I", 8) + _text(value)
    if isinstance(value, int):
        return struct.pack("<II", 4, value)
    assert isinstance(value, list)
    of_texts = isinstance(value[0], str)
    items = b"".join(_text(item) if of_texts else struct.pack("<I", item) for item in value)
    return struct.pack("<IIQ", 9, 8 if of_texts else 4, len(value)) + items
