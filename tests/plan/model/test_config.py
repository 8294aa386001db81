"""From a config.json to facts: published networks, and whatever a file may say instead."""

import contextlib
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plan.model.configs import TINY, ZEPHYR

from zephyr_deploy.errors import ConfigError
from zephyr_deploy.plan.model.config import facts_of, outline, read
from zephyr_deploy.plan.model.weighed import Weighed

NEOX = {
    "architectures": ["GPTNeoXForCausalLM"],
    "model_type": "gpt_neox",
    "hidden_size": 6144,
    "intermediate_size": 24576,
    "num_attention_heads": 64,
    "num_hidden_layers": 44,
    "vocab_size": 50432,
    "max_position_embeddings": 2048,
    "tie_word_embeddings": False,
}
FALCON = {
    "architectures": ["FalconForCausalLM"],
    "model_type": "falcon",
    "hidden_size": 4544,
    "num_attention_heads": 71,
    "num_hidden_layers": 32,
    "vocab_size": 65024,
    "multi_query": True,
    "new_decoder_architecture": False,
}
STARCODER = {
    "architectures": ["GPTBigCodeForCausalLM"],
    "model_type": "gpt_bigcode",
    "n_embd": 6144,
    "n_head": 48,
    "n_layer": 40,
    "n_inner": 24576,
    "n_positions": 8192,
    "vocab_size": 49152,
    "multi_query": True,
}
PHI_2 = {
    "architectures": ["PhiForCausalLM"],
    "model_type": "phi",
    "hidden_size": 2560,
    "intermediate_size": 10240,
    "num_attention_heads": 32,
    "num_hidden_layers": 32,
    "vocab_size": 51200,
    "max_position_embeddings": 2048,
    "tie_word_embeddings": False,
}
DEEPSEEK_V2_LITE = {
    "architectures": ["DeepseekV2ForCausalLM"],
    "model_type": "deepseek_v2",
    "hidden_size": 2048,
    "intermediate_size": 10944,
    "moe_intermediate_size": 1408,
    "num_attention_heads": 16,
    "num_key_value_heads": 16,
    "num_hidden_layers": 27,
    "n_routed_experts": 64,
    "n_shared_experts": 2,
    "num_experts_per_tok": 6,
    "first_k_dense_replace": 1,
    "kv_lora_rank": 512,
    "q_lora_rank": None,
    "qk_rope_head_dim": 64,
    "qk_nope_head_dim": 128,
    "v_head_dim": 128,
    "vocab_size": 102400,
    "max_position_embeddings": 163840,
}
DEEPSEEK_V3 = {
    **DEEPSEEK_V2_LITE,
    "architectures": ["DeepseekV3ForCausalLM"],
    "model_type": "deepseek_v3",
    "hidden_size": 7168,
    "intermediate_size": 18432,
    "moe_intermediate_size": 2048,
    "num_attention_heads": 128,
    "num_key_value_heads": 128,
    "num_hidden_layers": 61,
    "n_routed_experts": 256,
    "n_shared_experts": 1,
    "num_experts_per_tok": 8,
    "first_k_dense_replace": 3,
    "q_lora_rank": 1536,
    "vocab_size": 129280,
    "quantization_config": {"quant_method": "fp8", "fmt": "e4m3", "weight_block_size": [128, 128]},
}
QWEN_MOE = {
    "architectures": ["Qwen2MoeForCausalLM"],
    "model_type": "qwen2_moe",
    "hidden_size": 2048,
    "intermediate_size": 5632,
    "moe_intermediate_size": 1408,
    "shared_expert_intermediate_size": 5632,
    "num_attention_heads": 16,
    "num_key_value_heads": 16,
    "num_hidden_layers": 24,
    "num_experts": 60,
    "num_experts_per_tok": 4,
    "decoder_sparse_step": 1,
    "vocab_size": 151936,
    "max_position_embeddings": 8192,
}
GPT_OSS = {
    "architectures": ["GptOssForCausalLM"],
    "model_type": "gpt_oss",
    "head_dim": 64,
    "hidden_size": 2880,
    "intermediate_size": 2880,
    "layer_types": ["sliding_attention", "full_attention"] * 12,
    "max_position_embeddings": 131072,
    "num_attention_heads": 64,
    "num_experts_per_tok": 4,
    "num_hidden_layers": 24,
    "num_key_value_heads": 8,
    "num_local_experts": 32,
    "sliding_window": 128,
    "tie_word_embeddings": False,
    "vocab_size": 201088,
}
GEMMA_3_4B = {
    "architectures": ["Gemma3ForConditionalGeneration"],
    "model_type": "gemma3",
    "text_config": {
        "hidden_size": 2560,
        "intermediate_size": 10240,
        "model_type": "gemma3_text",
        "num_hidden_layers": 34,
        "sliding_window": 1024,
    },
    "torch_dtype": "bfloat16",
    "vision_config": {"hidden_size": 1152},
}


@pytest.mark.parametrize(
    ("config", "parameters", "active"),
    [
        (ZEPHYR, 7_241_732_096, None),
        (NEOX, 20_554_567_680, None),
        (FALCON, 6_921_720_704, None),
        (STARCODER, 15_517_456_384, None),
        (PHI_2, 2_779_683_840, None),
        (DEEPSEEK_V2_LITE, 15_706_484_224, 2_661_150_208),
        (DEEPSEEK_V3, 671_026_419_200, 37_552_297_472),
        (QWEN_MOE, 14_315_784_192, 2_689_173_504),
        (GPT_OSS, 20_914_757_184, None),
        (GEMMA_3_4B, 3_880_263_168, None),
    ],
    ids=[
        "zephyr",
        "gpt-neox-20b",
        "falcon-7b",
        "starcoder",
        "phi-2",
        "v2-lite",
        "v3",
        "qwen1.5-moe",
        "gpt-oss",
        "gemma-3-4b",
    ],
)
def test_the_shape_makes_the_published_count(config, parameters, active):
    facts = facts_of(config, id="m")
    assert facts.speed_known
    assert facts.parameters == parameters
    assert facts.active_parameters == active or (active is None and facts.active_parameters <= parameters)


def test_zephyr_keeps_128_kib_for_a_token():
    facts = facts_of(ZEPHYR, id="HuggingFaceH4/zephyr-7b-beta")
    assert facts.kv_values() * 2 == 131_072
    assert (facts.sliding_window, facts.windowed_layers) == (4096, 32)


def test_one_head_serves_all_queries():
    assert facts_of(FALCON, id="m").kv_heads == 1
    newer = {**FALCON, "new_decoder_architecture": True, "num_kv_heads": 8, "num_attention_heads": 142}
    assert facts_of(newer, id="m").kv_heads == 8


def test_latent_attention_keeps_one_latent_for_a_token():
    facts = facts_of(DEEPSEEK_V3, id="m")
    assert facts.latent_kv == 576
    assert facts.kv_values(8) == 61 * 576
    assert (facts.quantization.method, facts.quantization.group) == ("fp8", 128)


def test_what_the_text_part_leaves_out_is_as_in_the_library():
    reading = read(GEMMA_3_4B, id="m")
    facts = reading.facts
    assert (facts.heads, facts.kv_heads, facts.head_dim, facts.max_positions) == (8, 4, 256, 131_072)
    assert (facts.sliding_window, facts.windowed_layers) == (1024, 29)
    assert "its text part is planned" in reading.notes[0]


def test_a_text_part_that_says_little_is_as_in_the_library():
    llava = {
        "architectures": ["LlavaForConditionalGeneration"],
        "text_config": {"model_type": "llama", "max_position_embeddings": 4096, "vocab_size": 32064},
        "vision_config": {},
    }
    facts = facts_of(llava, id="m")
    assert facts.speed_known
    assert outline(llava, "m").layers == 32
    assert facts.parameters == 6_738_939_904  # Llama-2-7b with 64 more tokens, twice


def test_a_text_part_that_is_quantized():
    config = {"text_config": {**TINY, "quantization_config": {"quant_method": "awq", "bits": 4}}}
    assert facts_of(config, id="m").quantization.method == outline(config, "m").quantization.method == "awq"


def test_a_text_part_within_a_part():
    nested = {"architectures": ["OmniModel"], "thinker_config": {"text_config": TINY}}
    assert facts_of(nested, id="m").parameters == facts_of(TINY, id="m").parameters


QWEN = {**TINY, "architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "sliding_window": 128}
GEMMA_2 = {**TINY, "architectures": ["Gemma2ForCausalLM"], "model_type": "gemma2", "sliding_window": 128}


@pytest.mark.parametrize(
    ("config", "windows"),
    [
        ({**TINY, "sliding_window": 128}, (128, 2)),
        ({**TINY, "sliding_window": None}, (None, 0)),
        ({**TINY, "sliding_window": 512}, (None, 0)),
        ({**QWEN, "use_sliding_window": False, "max_window_layers": 1}, (None, 0)),
        ({**QWEN, "use_sliding_window": True, "max_window_layers": 1}, (128, 1)),
        ({**GEMMA_2, "num_hidden_layers": 3}, (128, 2)),
        ({**QWEN, "layer_types": ["sliding_attention", "full_attention"]}, (128, 1)),
        ({**QWEN, "architectures": ["NewForCausalLM"], "model_type": "new"}, (128, 0)),
    ],
)
def test_windows(config, windows):
    facts = facts_of(config, id="m")
    assert (facts.sliding_window, facts.windowed_layers) == windows


def test_an_unknown_network_can_be_weighed_and_not_timed():
    reading = read({**TINY, "architectures": ["NewForCausalLM"], "model_type": "new"}, id="m")
    assert not reading.facts.speed_known
    assert reading.facts.parameters == facts_of(TINY, id="m").parameters
    assert reading.notes == (
        "NewForCausalLM is not known here: memory is counted by its shape, and no speed is predicted.",
    )


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"is_encoder_decoder": True}, "an encoder and a decoder"),
        ({"layer_types": ["linear_attention", "full_attention"]}, "some layers are linear_attention"),
        ({"mamba_d_state": 16}, "a state of their own"),
    ],
)
def test_a_network_of_another_kind_is_named(more, why):
    reading = read({**TINY, **more}, id="m")
    assert not reading.facts.speed_known
    assert why in reading.notes[0]


@pytest.mark.parametrize(
    ("architecture", "share", "believed"),
    [
        ("MistralForCausalLM", 1.5, True),
        ("MistralForCausalLM", 0.95, True),
        ("MistralForCausalLM", 0.5, False),
        ("NewForCausalLM", 0.5, True),
        ("NewForCausalLM", 0.1, False),
    ],
)
def test_files_that_hold_another_network(architecture, share, believed):
    config = {**TINY, "architectures": [architecture]}
    whole = facts_of(config, id="m").parameters
    reading = read(config, id="m", weights=Weighed(parameters=int(whole * share), bytes=10**6))
    facts = reading.facts
    assert (facts.parameters, facts.weight_bytes) == ((int(whole * share), 10**6) if believed else (whole, None))
    assert facts.body_parameters > 0
    if architecture == "MistralForCausalLM" or not believed:
        assert ("the files are believed" if believed else "config.json is believed") in reading.notes[-1]


def test_what_reads_pictures_is_weighed_and_not_passed_through():
    whole = facts_of(TINY, id="m").parameters
    facts = facts_of(TINY, id="m", weights=Weighed(parameters=whole + 500, bytes=1, other_parameters=500))
    assert (facts.parameters, facts.active_parameters) == (whole + 500, whole)


@pytest.mark.parametrize(
    "missing", ["num_hidden_layers", "hidden_size", "num_attention_heads", "intermediate_size", "vocab_size"]
)
def test_a_missing_field_is_named(missing):
    config = {name: value for name, value in TINY.items() if name != missing}
    with pytest.raises(ConfigError, match=f"config.json has no {missing}") as caught:
        facts_of(config, id="m")
    assert caught.value.details["field"] == missing
    assert caught.value.hint


def test_a_missing_context_is_named():
    with pytest.raises(ConfigError, match="has no max_position_embeddings"):
        facts_of({**TINY, "max_position_embeddings": None}, id="m")


@pytest.mark.parametrize("value", [-1, 0, 1.5, math.nan, math.inf, "32", True, [32], {"a": 1}, 10**30])
@pytest.mark.parametrize("name", ["num_hidden_layers", "hidden_size", "num_key_value_heads", "vocab_size"])
def test_a_number_that_cannot_be_is_named(name, value):
    with pytest.raises(ConfigError, match=f"{name} in config.json is .*; expected is a whole number") as caught:
        facts_of({**TINY, name: value}, id="m")
    assert caught.value.details == {"field": name}
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"hidden_size": 65}, "no head_dim, and hidden_size 65 is no multiple of 4 heads"),
        ({"num_key_value_heads": 8}, "num_key_value_heads in config.json is 8; expected is at most 4"),
        ({"num_local_experts": 8}, "has no num_experts_per_tok"),
        ({"num_local_experts": 8, "num_experts_per_tok": 9}, "a whole number from 1 to 8"),
        ({"tie_word_embeddings": "no"}, "tie_word_embeddings in config.json is 'no'; expected is true or false"),
        ({"architectures": "MistralForCausalLM"}, "expected is a list of names"),
        ({"text_config": 3}, "text_config in config.json is 3; expected is an object"),
        ({"sliding_window": "wide"}, "sliding_window in config.json is 'wide'"),
        ({"layer_types": "all"}, "layer_types in config.json is 'all'"),
        ({"quantization_config": {"quant_method": "gptq"}}, "quantization_config of config.json has no bits"),
    ],
)
def test_fields_that_contradict_are_named(wrong, said):
    with pytest.raises(ConfigError, match=said):
        facts_of({**TINY, **wrong}, id="m")


@pytest.mark.parametrize("layers", [1, 126])
def test_one_layer_and_many(layers):
    config = {
        **ZEPHYR,
        "num_hidden_layers": layers,
        "hidden_size": 16384,
        "intermediate_size": 53248,
        "num_attention_heads": 128,
    }
    facts = facts_of(config, id="m")
    assert facts.layers == layers
    assert facts.parameters == pytest.approx(layers * 3.2e9, rel=0.35)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)
NAMES = sorted(
    {*DEEPSEEK_V3, *GEMMA_3_4B, *FALCON, *QWEN_MOE, "layer_types", "sliding_window", "head_dim", "compression_config"}
)


@given(wrong=st.dictionaries(st.sampled_from(NAMES), JSON, min_size=1, max_size=4))
@settings(max_examples=200)
@pytest.mark.parametrize("config", [TINY, DEEPSEEK_V3], ids=["tiny", "deepseek"])
def test_whatever_a_file_says_is_facts_or_our_error(config, wrong):
    with contextlib.suppress(ConfigError):
        facts = facts_of({**config, **wrong}, id="m")
        assert 1 <= facts.active_parameters <= facts.parameters
        assert facts.kv_values() > 0
