"""From a config.json to facts."""

from plan.model.configs import ZEPHYR

from zephyr_deploy.plan.model.config import facts_of


def test_zephyr():
    facts = facts_of(ZEPHYR, id="HuggingFaceH4/zephyr-7b-beta")
    assert facts.parameters == 7_241_732_096
    assert facts.speed_known
    assert facts.kv_values() * 2 == 131_072
