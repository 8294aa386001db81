"""`estimate`: model and prices are looked up, and the rest is arithmetic."""

from __future__ import annotations

import datetime

import pytest
from emulators.memory import MemoryCloud, offer

from zephyr_deploy.deploy import planning
from zephyr_deploy.deploy.planning import estimate, estimate_of, look_up, market_of
from zephyr_deploy.errors import ConfigError, CredentialsError, UnreachableError
from zephyr_deploy.plan.speed.correction import Correction
from zephyr_deploy.plan.workload import Slo, Workload
from zephyr_deploy.providers import registry
from zephyr_deploy.spec.deployment import Cost, Deployment, Engine, Machine

L4 = offer("g6.xlarge", 0.7, gpu="l4", gpu_memory_gib=22.35, region="us-east-1")
FAR = offer("g6.xlarge", 0.5, gpu="l4", region="ap-south-1", priced_on=datetime.date(2026, 11, 9))
SPOT = offer("g6.xlarge", 0.3, gpu="l4", region="us-east-1", spot=True)


class Cloud(MemoryCloud):
    wants = ("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",)
    has_key = True

    def configured(self):
        return self.has_key

    def regions(self):
        return ("us-east-1", "ap-south-1")

    def offers(self, region=None):
        return [one for one in (L4, FAR, SPOT) if one.region == region]


@pytest.fixture(autouse=True)
def at_hand(monkeypatch):
    """No credentials, whatever whoever runs this has; set what is to be found."""
    found = set()
    monkeypatch.setattr(planning, "configured_clouds", lambda: frozenset(found))
    return found


@pytest.fixture
def cloud(monkeypatch):
    made = Cloud()
    known = registry.provider
    monkeypatch.setattr(registry, "CLOUDS", ("aws",))
    monkeypatch.setattr(registry, "provider", lambda name: made if name == "aws" else known(name))
    return made


def test_a_card_that_is_named():
    found = estimate(Deployment(machine=Machine(gpu="l4")), Workload(concurrency=8), offline=True)
    assert (found.chosen, found.outlook.advice.setup.gpu.key) == (False, "l4")
    assert found.outlook.asked.prediction.concurrency == 8
    assert any(note.startswith("Facts of HuggingFaceH4/zephyr-7b-beta") for note in found.notes)


def test_a_card_that_costs_more_than_it_may():
    found = estimate(Deployment(machine=Machine(gpu="h100"), cost=Cost(max_hourly_usd="1")), offline=True)
    assert "It costs more than the $1.00 an hour that it may." in found.notes


def test_without_a_card_the_cheapest_is_chosen():
    found = estimate(Deployment(), Workload(concurrency=8), Slo(itl_ms=30), offline=True)
    assert found.chosen
    assert found.outlook.meets


def test_a_name_that_several_cards_have():
    found = estimate(Deployment(machine=Machine(gpu="a100")), offline=True)
    assert "a100 is taken for a100-40; it could be a100-80, a100-80-pcie as well." in found.notes


@pytest.mark.parametrize("gpu", ["l4", None])
def test_an_engine_for_processors(gpu):
    with pytest.raises(ConfigError, match="plans are for GPUs"):
        estimate(Deployment(engine=Engine(name="llamacpp"), machine=Machine(gpu=gpu)), offline=True)


def test_prices_are_those_of_the_cloud_that_is_named():
    assert {price.cloud for price in market_of(Deployment(provider="e2e")).prices} == {"e2e"}
    assert {price.cloud for price in market_of(Deployment()).prices} == {"aws", "e2e"}
    there = Deployment(provider="aws", machine=Machine(region="ap-south-1"))
    assert {price.region for price in market_of(there).prices} == {"ap-south-1"}


def test_clouds_whose_credentials_are_at_hand_come_alone(at_hand):
    at_hand.add("aws")
    market = market_of(Deployment())
    assert {price.cloud for price in market.prices} == {"aws"}
    assert market.notes == ("Left out, for want of credentials: e2e (--provider weighs it).",)
    assert {price.cloud for price in market_of(Deployment(provider="e2e")).prices} == {"e2e"}
    at_hand.add("e2e")
    market = market_of(Deployment())
    assert ({price.cloud for price in market.prices}, market.notes) == ({"aws", "e2e"}, ())


def test_a_region_that_the_tables_have_no_price_of():
    market = market_of(Deployment(machine=Machine(region="eu-central-1")))
    assert market == ((), ("The tables have no price in eu-central-1; --live asks for them.",))
    delhi = market_of(Deployment(provider="e2e", machine=Machine(region="Delhi")))
    assert delhi.prices


def test_the_tables_have_no_prices_of_interruptible_machines():
    market = market_of(Deployment(machine=Machine(spot=True)))
    assert market.prices
    assert "interruptible" in market.notes[0]


def test_clouds_are_asked(cloud):
    found = {(price.region, price.usd_per_hour): price for price in market_of(Deployment(), live=True).prices}
    assert found.keys() == {("us-east-1", 0.7), ("ap-south-1", 0.5)}
    assert found["us-east-1", 0.7].as_of is None
    assert found["ap-south-1", 0.5].as_of == datetime.date(2026, 11, 9)
    spot = market_of(Deployment(machine=Machine(spot=True, region="us-east-1")), live=True).prices
    assert {(price.usd_per_hour, price.spot) for price in spot} == {(0.7, False), (0.3, True)}


def test_no_cloud_can_be_asked(cloud):
    cloud.has_key = False
    with pytest.raises(CredentialsError):
        market_of(Deployment(), live=True)


def test_a_machine_of_the_users_own_has_no_price_of_a_cloud():
    wish = Deployment(provider="ssh", machine=Machine(gpu="l4", host="gpu1"))
    assert market_of(wish).prices == ()
    found = estimate(wish, offline=True)
    assert found.outlook.price is None
    assert found.outlook.asked.usd_per_million_tokens is None


def test_own_measurements_are_heard():
    wish = Deployment(machine=Machine(gpu="l4"), engine=Engine(name="tgi"))
    known = look_up(wish, offline=True)
    slow = known._replace(correct=lambda setup: Correction(bandwidth_use=0.2) if setup.gpu.key == "l4" else None)
    before, after = (estimate_of(wish, each, Workload(), Slo()) for each in (known, slow))
    assert after.outlook.asked.itl_ms > 3 * before.outlook.asked.itl_ms
    same = [[one.itl_ms for one in found.others if one.gpu != "l4"] for found in (before, after)]
    assert same[0] == same[1]


def test_own_measurements_move_the_choice():
    wish, slo = Deployment(engine=Engine(name="tgi")), Slo(itl_ms=60)
    known = look_up(wish, offline=True)
    before = estimate_of(wish, known, Workload(), slo).outlook.advice.setup.gpu.key
    slow = known._replace(correct=lambda setup: Correction(bandwidth_use=0.05) if setup.gpu.key == before else None)
    assert estimate_of(wish, slow, Workload(), slo).outlook.advice.setup.gpu.key != before


def test_who_could_not_be_asked_is_told(cloud, monkeypatch):
    monkeypatch.setattr(cloud, "regions", lambda: ("us-east-1", "nowhere"))
    monkeypatch.setattr(cloud, "offers", lambda region=None: [L4] if region == "us-east-1" else _down())
    found = estimate(Deployment(machine=Machine(gpu="l4")), offline=True, live=True)
    assert found.outlook.price.usd_per_hour == 0.7
    assert "aws in nowhere was not asked: it does not answer" in found.notes


def _down():
    raise UnreachableError("it does not answer")
