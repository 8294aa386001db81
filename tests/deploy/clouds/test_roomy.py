"""Which machines of a cloud have room for the model, and where that is learned."""

import pytest
from emulators.memory import offer
from plan.models import ZEPHYR

from zephyr_deploy.deploy import model_facts
from zephyr_deploy.deploy.clouds.roomy import Room
from zephyr_deploy.errors import ConfigError, UnreachableError
from zephyr_deploy.spec.deployment import Deployment, Engine, Model

OFFERS = [offer("old", gpu="t4"), offer("small", gpu="l4"), offer("large", gpu="a100-80")]
OTHER = Deployment(model=Model(id="someone/else"))


def fitting(room):
    return [one.machine_type for one in room.among(OFFERS)]


@pytest.fixture
def hub(monkeypatch):
    """Stands for the look at the hub; says what came of it."""

    def answers(outcome):
        def find(*_, **__):
            if isinstance(outcome, Exception):
                raise outcome
            return model_facts.Found(facts=outcome)

        monkeypatch.setattr(model_facts, "find_facts", find)

    return answers


def test_a_model_of_the_table_asks_no_hub(hub):
    hub(AssertionError("asked"))
    assert fitting(Room.of(Deployment())) == ["small", "large"]


def test_another_is_looked_up(hub):
    hub(ZEPHYR.model_copy(update={"id": "someone/else"}))
    assert fitting(Room.of(OTHER)) == ["small", "large"]


def test_without_the_hub_every_machine_passes(hub):
    hub(UnreachableError("down", hint="x"))
    room = Room.of(OTHER)
    assert not room.knows
    assert fitting(room) == ["old", "small", "large"]
    assert room.refusals(OFFERS) == []


def test_a_model_that_is_not_there_is_said_before_a_machine_is_ordered(hub):
    hub(ConfigError("the hub has no model someone/else", hint="x"))
    with pytest.raises(ConfigError, match="no model"):
        Room.of(OTHER)


def test_each_card_is_refused_once_and_an_unknown_one_passes():
    wish = Deployment(engine=Engine(memory_fraction=0.45))
    room = Room(wish, ZEPHYR)
    told = room.refusals([*OFFERS, offer("small again", gpu="l4"), offer("new", gpu="of-next-year")])
    assert [said.partition(":")[0] for said in told] == ["machine.gpu", "machine.gpu"]
    assert "NVIDIA T4 has compute capability 7.5" in told[0]
    assert "NVIDIA L4" in told[1]
    assert room.among([offer("new", gpu="of-next-year")])


def test_shards_share_the_model():
    wish = Deployment(engine=Engine(memory_fraction=0.45))
    two = wish.model_copy(update={"engine": Engine(memory_fraction=0.45, num_shard=2)})
    small = [offer("small", gpu="l4", gpus=2)]
    assert Room(wish, ZEPHYR).among(small) == []
    assert Room(two, ZEPHYR).among(small) == small
