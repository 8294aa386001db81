"""The table of models that are known without asking anybody."""

import pytest

from zephyr_deploy.engines.models import known_shapes
from zephyr_deploy.plan.model.families import ARCHITECTURES, FAMILIES
from zephyr_deploy.plan.model.shape import Moe, Shape, count
from zephyr_deploy.plan.model.table import known_model, known_models

READS_PICTURES = {"Gemma3ForConditionalGeneration": "gemma3_text"}


def test_zephyr_is_known_by_any_case():
    facts = known_model("huggingfaceh4/ZEPHYR-7b-beta")
    assert facts is not None
    assert (facts.id, facts.parameters, facts.origin) == ("HuggingFaceH4/zephyr-7b-beta", 7_241_732_096, "table")
    assert facts.weight_bytes == 14_483_464_192
    assert facts.as_of is not None


def test_an_unknown_model_is_none():
    assert known_model("nobody/nothing") is None


def test_engines_read_the_same_table():
    assert {name: known_model(name).shape() for name in known_shapes()} == known_shapes()
    assert {name.lower() for name in known_models()} == set(known_shapes())


@pytest.mark.parametrize("name", known_models())
def test_a_row_agrees_with_itself(name):
    facts = known_model(name)
    kind = ARCHITECTURES.get(facts.architecture) or READS_PICTURES[facts.architecture]
    moe = Moe(facts.experts, facts.experts_per_token, facts.intermediate) if facts.experts else None
    shape = Shape(
        facts.layers,
        facts.hidden,
        facts.intermediate,
        facts.heads,
        facts.kv_heads,
        facts.head_dim,
        facts.vocab,
        facts.tied_embeddings,
        facts.max_positions,
        moe,
    )
    counted = count(shape, FAMILIES[kind])
    assert facts.active_parameters == pytest.approx(counted.active, rel=0.01)
    if facts.architecture not in READS_PICTURES:
        assert facts.parameters == pytest.approx(counted.all, rel=0.01)
    assert facts.active_parameters <= facts.parameters
    assert facts.windowed_layers <= facts.layers
    assert facts.source


@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("meta-llama/Llama-2-7b-hf", 6_738_415_616),
        ("meta-llama/Llama-3.1-8B-Instruct", 8_030_261_248),
        ("meta-llama/Llama-3.3-70B-Instruct", 70_553_706_496),
        ("meta-llama/Llama-3.2-1B", 1_235_814_400),
        ("mistralai/Mixtral-8x7B-v0.1", 46_702_792_704),
        ("Qwen/Qwen2.5-7B-Instruct", 7_615_616_512),
        ("Qwen/Qwen3-30B-A3B", 30_532_122_624),
        ("microsoft/Phi-3-mini-4k-instruct", 3_821_079_552),
        ("google/gemma-2-9b-it", 9_241_705_984),
        ("google/gemma-3-27b-it", 27_432_406_640),
        ("HuggingFaceTB/SmolLM2-135M", 134_515_008),
        ("bigcode/starcoder2-3b", 3_030_371_328),
    ],
)
def test_parameters_as_the_hub_counts_them(name, published):
    assert known_model(name).parameters == published
