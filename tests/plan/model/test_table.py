"""The table of models that are known without asking anybody."""

from zephyr_deploy.engines.models import known_shapes
from zephyr_deploy.plan.model.table import known_model, known_models


def test_zephyr_is_known_by_any_case():
    facts = known_model("huggingfaceh4/ZEPHYR-7b-beta")
    assert facts is not None
    assert (facts.id, facts.parameters, facts.origin) == ("HuggingFaceH4/zephyr-7b-beta", 7_241_732_096, "table")
    assert facts.as_of is not None


def test_an_unknown_model_is_none():
    assert known_model("nobody/nothing") is None


def test_engines_read_the_same_table():
    assert {name: known_model(name).shape() for name in known_shapes()} == known_shapes()
    assert {name.lower() for name in known_models()} == set(known_shapes())
