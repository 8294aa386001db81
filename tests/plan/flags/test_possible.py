"""Which forms of weights an engine takes on a card, and how many cards can share a model."""

import pytest
from plan.models import LLAMA_70B, MIXTRAL, QWEN_HALF_B, ZEPHYR, ZEPHYR_AWQ

from zephyr_deploy.engines.base import ServeSettings
from zephyr_deploy.engines.tgi.spec import SPEC as TGI
from zephyr_deploy.plan.flags.possible import (
    card_refusal,
    forms,
    kind_of,
    kv_cache_dtypes,
    shard_counts,
    shard_refusal,
)
from zephyr_deploy.plan.gpus import gpus
from zephyr_deploy.plan.model.facts import StoredQuantization

ON_THE_FLY = {("16bit", None), ("int8-weight", "eetq"), ("nf4", "bitsandbytes-nf4")}


def stored(method, bits=4, **more):
    return ZEPHYR.model_copy(update={"quantization": StoredQuantization(method=method, bits=bits, **more)})


@pytest.mark.parametrize(
    ("engine", "gpu", "expected"),
    [
        ("tgi", "a100-80", ON_THE_FLY | {("fp8-weight", "fp8")}),
        ("tgi", "a10g", ON_THE_FLY | {("fp8-weight", "fp8")}),
        ("tgi", "l4", ON_THE_FLY | {("fp8-weight", "fp8")}),
        ("tgi", "h100", ON_THE_FLY | {("fp8", "fp8")}),
        ("tgi", "t4", set()),
        ("tgi", "v100-32", set()),
        ("tgi", "b200", set()),
        ("tgi", "rtx5090", set()),
        ("vllm", "t4", {("16bit", None), ("fp8-weight", "fp8")}),
        ("vllm", "a100-80", {("16bit", None), ("fp8-weight", "fp8")}),
        ("vllm", "l4", {("16bit", None), ("fp8", "fp8")}),
        ("vllm", "b200", {("16bit", None), ("fp8", "fp8")}),
        ("vllm", "v100-32", set()),
        ("sglang", "t4", {("16bit", None)}),
        ("sglang", "a10g", {("16bit", None), ("fp8-weight", "fp8")}),
        ("sglang", "h100", {("16bit", None), ("fp8", "fp8")}),
    ],
)
def test_what_is_made_of_16_bits(engine, gpu, expected):
    assert set(forms(ZEPHYR, gpus()[gpu], engine)) == expected


@pytest.mark.parametrize(
    ("model", "engine", "gpu", "expected"),
    [
        (ZEPHYR_AWQ, "tgi", "l4", "int4"),
        (ZEPHYR_AWQ, "tgi", "t4", None),
        (ZEPHYR_AWQ, "vllm", "t4", "int4"),
        (stored("gptq", 8), "tgi", "a10g", "int8-weight"),
        (stored("gptq", 3), "tgi", "a10g", None),
        (stored("fp8", 8), "tgi", "h100", "fp8"),
        (stored("fp8", 8), "tgi", "l4", "fp8-weight"),
        (stored("fp8", 8), "vllm", "l4", "fp8"),
        (stored("compressed-tensors", 8, activations="fp8"), "tgi", "h100", "fp8"),
        (stored("compressed-tensors", 8, activations="int8"), "tgi", "a100-80", "int8"),
        (stored("compressed-tensors", 4), "vllm", "a100-80", "int4"),
        (stored("compressed-tensors", 8), "vllm", "a100-80", "int8-weight"),
        (stored("bitsandbytes"), "tgi", "l4", "nf4"),
        (stored("bitsandbytes"), "vllm", "l4", None),
        (stored("bitsandbytes", 8, activations="int8"), "sglang", "l4", "int8"),
        (stored("gguf", 4.5), "tgi", "l4", None),
        (stored("other"), "vllm", "h100", None),
    ],
)
def test_what_is_quantized_already_is_one_thing_or_none(model, engine, gpu, expected):
    assert forms(model, gpus()[gpu], engine) == ([(expected, None)] if expected else [])


def test_what_the_user_says_has_a_form_though_it_is_not_proposed():
    l4 = gpus()["l4"]
    said = ("bitsandbytes", "bitsandbytes-fp4", "exl2", "awq", "fp8", None)
    kinds = ["int8-weight", "nf4", "int4", "int4", "fp8-weight", "16bit"]
    assert [kind_of(ZEPHYR, l4, "tgi", quantize) for quantize in said] == kinds
    assert kind_of(ZEPHYR_AWQ, l4, "tgi", "awq") == "int4"


def test_what_no_engine_loads_is_weighed_by_its_bits():
    l4 = gpus()["l4"]
    kinds = [kind_of(stored("gguf", bits), l4, "tgi", None) for bits in (4.5, 5.9, 6.6, 8, 16)]
    assert kinds == ["int4", "int4", "int8-weight", "int8-weight", "16bit"]


def test_experts_of_tgi_are_not_quantized_into_what_it_multiplies_one_by_one():
    assert forms(MIXTRAL, gpus()["h100"], "tgi") == [("16bit", None), ("fp8", "fp8")]
    assert forms(MIXTRAL, gpus()["a100-80"], "tgi") == [("16bit", None)]


def test_keys_and_values_in_8_bits():
    odd = ZEPHYR.model_copy(update={"head_dim": 96})
    assert kv_cache_dtypes(ZEPHYR, gpus()["a10g"], "tgi")[0] == "fp8_e4m3fn"
    assert kv_cache_dtypes(odd, gpus()["a10g"], "tgi") == ()
    assert kv_cache_dtypes(ZEPHYR, gpus()["t4"], "tgi") == ()
    assert kv_cache_dtypes(ZEPHYR, gpus()["a10g"], "vllm") == ()
    assert kv_cache_dtypes(odd, gpus()["l4"], "vllm")


@pytest.mark.parametrize(
    ("model", "engine", "expected"),
    [
        (ZEPHYR, "tgi", [1, 2, 4, 8]),
        (ZEPHYR, "vllm", [1, 2, 4, 8, 16, 32]),
        (LLAMA_70B, "tgi", [1, 2, 4, 8]),
        (LLAMA_70B, "vllm", [1, 2, 4, 8, 16, 32]),
        (QWEN_HALF_B, "tgi", [1, 2]),
        (QWEN_HALF_B, "vllm", [1, 2]),
    ],
)
def test_how_many_cards_can_share_a_model(model, engine, expected):
    assert shard_counts(model, 32, engine) == expected


@pytest.mark.parametrize("shards", range(1, 33))
@pytest.mark.parametrize("model", [ZEPHYR, LLAMA_70B, MIXTRAL])
def test_tgis_own_rules_say_the_same(model, shards):
    problems = TGI.problems(ServeSettings(model_id=model.id, num_shard=shards), model.shape())
    assert (shard_refusal(model, shards) is None) == (not problems)


@pytest.mark.parametrize("shards", [3, 6])
def test_three_and_six_are_refused_with_the_reason(shards):
    assert f"32 attention heads cannot be shared evenly by {shards} GPUs" in shard_refusal(ZEPHYR, shards)


def test_a_group_of_quantized_weights_is_not_divided():
    llama_2 = ZEPHYR_AWQ.model_copy(update={"intermediate": 11008, "kv_heads": 32})
    assert shard_counts(llama_2, 8) == [1, 2]
    assert "groups of 128" in shard_refusal(llama_2, 4)


def test_why_a_card_is_not_taken():
    assert card_refusal(gpus()["l4"], "tgi") is None
    assert "8.0 and up" in card_refusal(gpus()["t4"], "tgi")
    assert "below 10.0" in card_refusal(gpus()["b200"], "tgi")
    assert "7.5 and up" in card_refusal(gpus()["v100-16"], "vllm")
