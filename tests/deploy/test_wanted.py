"""From the machines that were looked at to what is known of the model, the plan of all of them, and what is kept."""

import json
from types import SimpleNamespace

import pytest
from plan.models import ZEPHYR

from zephyr_deploy.deploy import model_facts
from zephyr_deploy.deploy.wanted import model_of_fleet, plan_of_fleet
from zephyr_deploy.errors import ConfigError, CredentialsError
from zephyr_deploy.events import Notice, Phases
from zephyr_deploy.plan.assumed import assumed_node
from zephyr_deploy.plan.node import plan_for_node
from zephyr_deploy.release.lock import placeholder
from zephyr_deploy.release.render import render
from zephyr_deploy.spec.deployment import Deployment, Limits, Machine, Model

WISH = Deployment(provider="ssh", machine=Machine(host="gpu1"))
LOCK = placeholder("engine:1", "caddy:2", ZEPHYR.id, None)
KNOWING = LOCK.model_copy(update={"model": ZEPHYR})


def member(lock="", gpu=None):
    facts = assumed_node(WISH.model_copy(update={"machine": Machine(gpu=gpu)}))
    address = SimpleNamespace(host="gpu1")
    return SimpleNamespace(lock=lock, facts=facts, address=address, allowed="", caller="203.0.113.7")


@pytest.fixture
def told():
    return []


@pytest.fixture
def fleet(told):
    def of(*members):
        return SimpleNamespace(members=members, gateway=None, phases=Phases(told.append))

    return of


@pytest.fixture
def hub(monkeypatch):
    """Stands for the look at the hub: what came of it, and how often it was asked."""
    asked = []

    def answers(outcome):
        def find(model, *_, **__):
            asked.append(model)
            if isinstance(outcome, Exception):
                raise outcome
            return model_facts.Found(facts=outcome)

        monkeypatch.setattr(model_facts, "find_facts", find)
        return asked

    return answers


def notices(told):
    return [event.message for event in told if isinstance(event, Notice)]


def test_what_serves_says_what_the_model_is(fleet, hub, told):
    asked = hub(AssertionError("asked"))
    found = model_of_fleet(fleet(member(), member(KNOWING.model_dump_json())), WISH)
    assert (found, asked, told) == (ZEPHYR, [], [])


def test_a_lock_from_before_facts_were_kept_stays_without(fleet, hub, told):
    asked = hub(AssertionError("asked"))
    written = json.dumps(LOCK.model_dump(mode="json", exclude={"model"}))
    assert (model_of_fleet(fleet(member(written)), WISH), asked, told) == (None, [], [])


def test_an_upgrade_or_another_model_looks_anew(fleet, hub):
    asked = hub(ZEPHYR)
    serving = fleet(member(LOCK.model_dump_json()))
    assert model_of_fleet(serving, WISH, upgrade=True) == ZEPHYR
    model_of_fleet(serving, WISH.model_copy(update={"model": Model(id="someone/else")}))
    model_of_fleet(serving, WISH.model_copy(update={"model": Model(revision="v2")}))
    assert asked == [ZEPHYR.id, "someone/else", ZEPHYR.id]


def test_a_model_that_cannot_be_read_is_planned_without_and_it_is_said(fleet, hub, told):
    hub(ConfigError("its config.json is no JSON", hint="x"))
    assert model_of_fleet(fleet(member()), WISH.model_copy(update={"model": Model(id="someone/else")})) is None
    assert notices(told) == ["Planned without knowing the model: its config.json is no JSON."]


def test_one_that_may_not_be_read_ends_it(fleet, hub):
    hub(CredentialsError("gated", hint="x"))
    with pytest.raises(CredentialsError):
        model_of_fleet(fleet(member()), WISH)


def test_a_folder_is_not_looked_for(fleet, hub):
    asked = hub(AssertionError("asked"))
    assert model_of_fleet(fleet(member()), WISH.model_copy(update={"model": Model(id="./mine")})) is None
    assert asked == []


def test_machines_with_different_cards_get_what_the_smallest_takes(fleet):
    large, small = (plan_of_fleet(fleet(member(gpu=gpu)), WISH, ZEPHYR).serve for gpu in ("h100", "l4"))
    assert small.max_batch_prefill_tokens < large.max_batch_prefill_tokens
    for cards in (("h100", "l4"), ("l4", "h100")):
        assert plan_of_fleet(fleet(*(member(gpu=gpu) for gpu in cards)), WISH, ZEPHYR).serve == small


def test_what_is_to_be_known_of_the_second_machine_is_told_too(fleet, told):
    wish = WISH.model_copy(update={"limits": Limits(max_total_tokens=8192)})
    plan_of_fleet(fleet(member(gpu="h100"), member(gpu="l4")), wish, ZEPHYR)
    assert len(notices(told)) == len(set(notices(told))) > 0


def test_one_that_has_no_room_is_refused_whatever_the_others_have(fleet):
    huge = ZEPHYR.model_copy(update={"parameters": 20_000_000_000, "weight_bytes": 40_000_000_000})
    with pytest.raises(ConfigError, match=r"lacks .* GB on NVIDIA L4"):
        plan_of_fleet(fleet(member(gpu="h100"), member(gpu="l4")), WISH, huge)


def test_a_release_without_facts_has_the_lock_that_older_versions_wrote():
    plan = plan_for_node(WISH, assumed_node(WISH), hub="https://huggingface.co")
    assert "model" not in json.loads(render(plan, LOCK).files["lock.json"])
    assert json.loads(render(plan, KNOWING).files["lock.json"])["model"]["id"] == ZEPHYR.id
