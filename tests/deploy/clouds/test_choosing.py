from __future__ import annotations

from datetime import timedelta

import pytest
from emulators.memory import MemoryCloud, offer

from zephyr_deploy.deploy.clouds.choosing import DISK_GB, wanted
from zephyr_deploy.errors import AuthError, ConfigError, NoCapacityError, ThrottledError
from zephyr_deploy.providers.clouds.types import Sold
from zephyr_deploy.spec.deployment import Cost, Deployment, Engine, Machine, Model


class Cloud(MemoryCloud):
    """One with several regions."""

    def __init__(self, **sold) -> None:
        super().__init__()
        self.by_region = sold

    def regions(self):
        return tuple(self.by_region)

    def offers(self, region=None):
        found = self.by_region[region or self.regions()[0]]
        if isinstance(found, Exception):
            raise found
        return [one.model_copy(update={"region": region}) for one in found]


def types(cloud, machine=None, **cost):
    found = wanted(cloud, Deployment(provider="aws", machine=machine or Machine(), cost=Cost(**cost)))
    return [(one.machine_type, one.region) for one in found.offers]


def test_the_preferred_region_comes_first_and_then_the_price():
    cloud = Cloud(near=[offer("b", 2.0), offer("a", 1.0)], far=[offer("cheap", 0.5)], farther=[offer("cheaper", 0.4)])
    assert types(cloud) == [("a", "near"), ("b", "near"), ("cheaper", "farther"), ("cheap", "far")]


def test_a_named_region_is_the_only_one():
    cloud = Cloud(near=[offer("a")], far=[offer("b")])
    assert types(cloud, Machine(region="far")) == [("b", "far")]


def test_a_region_that_the_account_has_not_is_said_with_those_that_it_has():
    with pytest.raises(ConfigError, match="aws has no region mars-1") as caught:
        types(Cloud(near=[offer("a")], far=[offer("b")]), Machine(region="mars-1"))
    assert caught.value.hint == "It has near, far."


def test_a_region_that_cannot_be_asked_is_left_out_and_said():
    cloud = Cloud(near=[offer("a")], far=ThrottledError("slow down"))
    found = wanted(cloud, Deployment(provider="aws"))
    assert [one.region for one in found.offers] == ["near"]
    assert found.notes == ("far is left out: slow down",)
    with pytest.raises(AuthError):
        wanted(Cloud(near=AuthError("expired")), Deployment(provider="aws"))


def test_what_a_cloud_says_of_its_offers_is_passed_on():
    class Saying(Cloud):
        def sold_in(self, region=None):
            notes, remarks = (f"prices of {region} are old",), (f"rate of {region}",)
            return Sold(offers=tuple(self.offers(region)), notes=notes, remarks=remarks)

    found = wanted(Saying(near=[offer("a")], far=[]), Deployment(provider="aws"))
    assert found.notes == ("prices of near are old", "prices of far are old")
    assert found.remarks == ("rate of near", "rate of far")
    with pytest.raises(NoCapacityError, match="prices of near are old"):
        wanted(Saying(near=[]), Deployment(provider="aws"))


def test_what_is_too_dear_or_too_small_is_named():
    cloud = Cloud(near=[offer("dear", 9.0), offer("small", 0.5, gpu="t4", gpu_memory_gib=16)])
    said = r"(?s)1 are not for \$2\.50.*dear.*machine.gpu: NVIDIA T4 has compute capability 7.5"
    with pytest.raises(NoCapacityError, match=said) as caught:
        types(cloud, max_hourly_usd=2.5)
    assert "offers" in caught.value.hint
    assert {removed["filter"] for removed in caught.value.details["removed"]} == {"max_price"}


UNKNOWN = Model(id="./a-folder-of-mine")


def test_without_a_word_about_the_model_a_card_that_is_not_named_has_24_gb():
    cloud = Cloud(near=[offer("small", 0.5, gpu="t4", gpu_memory_gib=16)])
    with pytest.raises(NoCapacityError, match="1 are not with 24 GB"):
        wanted(cloud, Deployment(provider="aws", model=UNKNOWN))
    named = wanted(cloud, Deployment(provider="aws", model=UNKNOWN, machine=Machine(gpu="t4")))
    assert [one.machine_type for one in named.offers] == ["small"]


def test_a_machine_that_the_model_does_not_fit_is_not_ordered():
    cloud = Cloud(near=[offer("small", 0.5, gpu="l4", gpu_memory_gib=24), offer("large", 3.0, gpu="a100-80")])
    thirteen = Deployment(provider="aws", model=Model(id="meta-llama/Llama-2-13b-hf"))
    assert [one.machine_type for one in wanted(cloud, thirteen).offers] == ["large"]
    only = thirteen.model_copy(update={"machine": Machine(gpu="l4")})
    with pytest.raises(NoCapacityError, match=r"lacks [\d.]+ GB on NVIDIA L4. It fits with engine.quantize = eetq"):
        wanted(cloud, only)
    halved = only.model_copy(update={"engine": Engine(quantize="eetq")})
    assert [one.machine_type for one in wanted(cloud, halved).offers] == ["small"]


def test_interruptible_machines_are_asked_for_by_name():
    cloud = Cloud(near=[offer("a", 1.0), offer("a", 0.3, spot=True)])
    assert len(types(cloud)) == 1
    assert [one.spot for one in wanted(cloud, Deployment(provider="aws", machine=Machine(spot=True))).offers] == [
        True,
        False,
    ]


def test_disk_and_cost_are_the_wish_or_sensible():
    cloud = Cloud(near=[offer()])
    assert wanted(cloud, Deployment(provider="aws")).disk_gb == DISK_GB
    cost = Cost(ttl=timedelta(hours=2))
    found = wanted(cloud, Deployment(provider="aws", machine=Machine(disk_gb=300), cost=cost))
    assert (found.disk_gb, found.cost) == (300, cost)


def test_what_the_budget_does_not_pay_for_is_left_out():
    cloud = Cloud(near=[offer("dear", 9.0), offer("cheap", 1.0)])
    assert types(cloud, budget_usd=1) == [("cheap", "near")]
    with pytest.raises(ConfigError, match=r"a budget of \$0.1 pays for 0:06:00 at \$1.00 an hour"):
        types(cloud, budget_usd="0.1")


def test_what_stands_in_for_the_first_is_like_it():
    sold = [
        offer("a", 1.0),
        offer("b", 1.9),
        offer("dear", 2.1),
        offer("eight", 1.5, gpus=8),
        offer("a", 0.3, spot=True),
    ]
    assert types(Cloud(near=sold)) == [("a", "near"), ("b", "near")]
    assert types(Cloud(near=sold), Machine(spot=True)) == [("a", "near"), ("a", "near"), ("b", "near")]
    assert types(Cloud(near=sold), Machine(gpus=8)) == [("eight", "near")]
    assert ("dear", "near") in types(Cloud(near=sold), max_hourly_usd=3)
