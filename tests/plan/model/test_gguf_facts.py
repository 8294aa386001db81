"""What a GGUF file says of its model."""

import pytest
from plan.model.configs import gguf

from zephyr_deploy.errors import ConfigError
from zephyr_deploy.plan.model.gguf import TooShortError, parse
from zephyr_deploy.plan.model.gguf_facts import read_gguf
from zephyr_deploy.plan.model.table import known_model

METADATA = {
    "general.architecture": "llama",
    "general.file_type": 15,
    "llama.block_count": 2,
    "llama.embedding_length": 256,
    "llama.feed_forward_length": 512,
    "llama.attention.head_count": 4,
    "llama.attention.head_count_kv": 2,
    "llama.context_length": 2048,
    "tokenizer.ggml.tokens": ["a", "b", "c", "d"] * 8,
}
Q4_K, F32 = 12, 0


def layer(number):
    at = f"blk.{number}"
    return {
        f"{at}.attn_q.weight": (Q4_K, [256, 256]),
        f"{at}.attn_k.weight": (Q4_K, [256, 128]),
        f"{at}.attn_v.weight": (Q4_K, [256, 128]),
        f"{at}.attn_output.weight": (Q4_K, [256, 256]),
        f"{at}.ffn_gate.weight": (Q4_K, [256, 512]),
        f"{at}.ffn_up.weight": (Q4_K, [256, 512]),
        f"{at}.ffn_down.weight": (Q4_K, [512, 256]),
        f"{at}.attn_norm.weight": (F32, [256]),
        f"{at}.ffn_norm.weight": (F32, [256]),
    }


TENSORS = {
    "token_embd.weight": (Q4_K, [256, 32]),
    **layer(0),
    **layer(1),
    "output_norm.weight": (F32, [256]),
    "output.weight": (Q4_K, [256, 32]),
}


def read(metadata=METADATA, tensors=TENSORS):
    return read_gguf(parse(gguf(metadata, tensors), "m.gguf"), "m.gguf", id="m")


def test_a_whole_file():
    reading = read()
    facts = reading.facts
    assert (facts.layers, facts.hidden, facts.heads, facts.kv_heads, facts.head_dim) == (2, 256, 4, 2, 64)
    assert (facts.vocab, facts.max_positions, facts.tied_embeddings) == (32, 2048, False)
    assert facts.parameters == 2 * (2 * 256 * 256 + 2 * 256 * 128 + 3 * 256 * 512 + 512) + 256 + 2 * 256 * 32
    assert (facts.quantization.method, facts.quantization.bits) == ("gguf", pytest.approx(4.5, abs=0.1))
    assert facts.speed_known
    assert reading.notes == ("Read from m.gguf (Q4_K_M).",)


def test_without_a_head_the_embedding_is_the_head():
    assert read(tensors={k: v for k, v in TENSORS.items() if k != "output.weight"}).facts.tied_embeddings


def test_heads_of_each_layer():
    assert read({**METADATA, "llama.attention.head_count_kv": [2, 1]}).facts.kv_heads == 2


def test_a_missing_number_is_named():
    with pytest.raises(ConfigError, match="has no num_hidden_layers"):
        read({k: v for k, v in METADATA.items() if k != "llama.block_count"})


def test_no_weights():
    with pytest.raises(ConfigError, match="holds no weights"):
        read(tensors={})


@pytest.mark.parametrize("length", [0, 3, 20, 200])
def test_a_part_of_the_header_is_too_short(length):
    with pytest.raises(TooShortError):
        parse(gguf(METADATA, TENSORS)[:length], "m.gguf")


@pytest.mark.engine
def test_the_real_model(model_path):
    with model_path.open("rb") as file:
        header = parse(file.read(8 * 2**20), "real.gguf")
    facts = read_gguf(header, "real.gguf", id="real").facts
    known = known_model("HuggingFaceTB/SmolLM2-135M-Instruct")
    assert header.needed_bytes == model_path.stat().st_size
    same = ("layers", "hidden", "intermediate", "heads", "kv_heads", "head_dim", "vocab", "parameters", "max_positions")
    assert {name: getattr(facts, name) for name in same} == {name: getattr(known, name) for name in same}
    assert facts.tied_embeddings
