"""What would fit where a setup does not; each way is weighed again here, from the remedy's own figures."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plan.models import LLAMA_8B, LLAMA_70B, LLAMA_405B, MIXTRAL, QWEN_HALF_B, ZEPHYR, ZEPHYR_AWQ

from zephyr_deploy.plan.gpus import gpus
from zephyr_deploy.plan.memory.misfit import remedies
from zephyr_deploy.plan.memory.room import has_room, lacking_bytes
from zephyr_deploy.plan.memory.weigh import weigh
from zephyr_deploy.plan.setup import Setup


def setup(model=ZEPHYR, gpu="l4", **changes):
    return Setup(model=model, gpu=gpus()[gpu], **changes)


def values(*args, **kwargs):
    return {remedy.change: remedy.value for remedy in remedies(*args, **kwargs)}


def test_what_fits_needs_no_remedy():
    assert remedies(setup(), 4096, 4096) == ()
    assert lacking_bytes(setup(), 4096, 4096) == 0


def test_llama_70b_on_one_a100():
    asked = setup(LLAMA_70B, "a100-80")
    assert values(asked, 4096, 4096) == {
        "quantize": "eetq",  # as much of FP8 as TGI makes of a Llama is too large: its attention stays in 16 bits
        "repository": "an AWQ or GPTQ version",
        "shards": "2",
    }
    assert lacking_bytes(asked, 4096, 4096) == pytest.approx(67e9, rel=0.01)


def test_zephyr_on_t4_with_vllm_in_the_order_of_change():
    found = remedies(setup(gpu="t4", engine="vllm"), 2048, 4096)
    assert [remedy.change for remedy in found] == ["quantize", "repository", "shards", "gpu"]
    assert found[0].setup.weights == "fp8-weight"
    assert found[0].what.endswith(f": {found[0].memory.kv_tokens} tokens have room.")
    assert found[3].setup.gpu.memory_mib == min(gpu.memory_mib for gpu in gpus().values() if gpu.memory_mib > 16384)


def test_only_cards_that_are_to_be_had():
    cards = [gpus()[key] for key in ("t4", "h100", "b200")]
    asked = setup(LLAMA_8B, memory_fraction=0.7)
    assert values(asked, 4096, 4096, cards=cards)["gpu"] == "h100"
    assert "gpu" not in values(asked, 4096, 4096, cards=[gpus()["b200"]])  # TGI has no code for it


def test_a_request_that_is_too_long_for_the_memory():
    found = values(setup(LLAMA_8B), 2048, 65536)
    assert int(found["context"]) < 40_000
    assert found["kv_cache"] == "fp8_e4m3fn"
    assert "prefill" not in found


def test_a_request_beyond_the_models_positions_can_only_be_shorter():
    assert values(setup(gpu="h100"), 4096, 65536) == {}  # there is room; it is refused elsewhere
    assert values(setup(), 4096, 65536) == {"context": "32768"}


def test_a_step_that_is_too_large():
    found = values(setup(LLAMA_8B, memory_fraction=0.83), 16384, 4096)
    assert 512 <= int(found["prefill"]) < 8192


def test_heads_are_not_shared_by_three():
    assert "shards" not in values(setup(LLAMA_70B, "a100-40"), 2048, 4096, upto=3)
    assert values(setup(LLAMA_70B, "a100-40"), 2048, 4096)["shards"] == "4"
    assert values(setup(LLAMA_70B, "l4"), 2048, 4096)["shards"] == "8"


def test_quantized_weights_are_not_quantized_again():
    found = values(setup(ZEPHYR_AWQ, "t4", engine="vllm", weights="int4", memory_fraction=0.3), 2048, 4096)
    assert not {"quantize", "repository"} & set(found)


MODELS = (ZEPHYR, ZEPHYR_AWQ, LLAMA_8B, LLAMA_70B, LLAMA_405B, MIXTRAL, QWEN_HALF_B)


@st.composite
def setups(draw):
    model = draw(st.sampled_from(MODELS))
    return setup(
        model,
        draw(st.sampled_from(list(gpus()))),
        engine=draw(st.sampled_from(["tgi", "vllm", "sglang"])),
        shards=draw(st.sampled_from([1, 2, 4, 8])),
        weights="int4" if model.quantization else "16bit",
    )


@given(setups(), st.integers(512, 32768), st.integers(1024, 131072))
@settings(max_examples=40)
def test_every_remedy_fits_and_changes_one_thing(asked, prefill, total):
    for remedy in remedies(asked, prefill, total):
        assert has_room(remedy.setup, remedy.prefill_tokens, remedy.total_tokens)
        assert remedy.memory == weigh(remedy.setup, remedy.prefill_tokens)
        assert remedy.total_tokens <= total
        changed = {name for name in type(asked).model_fields if getattr(asked, name) != getattr(remedy.setup, name)} - {
            "weights"
        }
        assert len(changed) <= 1
