"""What would change the answer."""

from __future__ import annotations

from zephyr_deploy.plan.choice.candidates import candidates
from zephyr_deploy.plan.choice.instead import instead
from zephyr_deploy.plan.choice.outlook import outlook
from zephyr_deploy.plan.choice.rank import weigh_all
from zephyr_deploy.plan.gpus import gpus
from zephyr_deploy.plan.model.table import known_model
from zephyr_deploy.plan.prices import Price
from zephyr_deploy.plan.setup import Setup
from zephyr_deploy.plan.workload import Slo, Workload
from zephyr_deploy.spec.deployment import Deployment

ZEPHYR = known_model("HuggingFaceH4/zephyr-7b-beta")
MARKET = tuple(
    Price(cloud="aws", gpu=gpu, gpus=count, usd_per_hour=usd)
    for gpu, count, usd in (("l4", 1, 0.8), ("l4", 2, 1.6), ("l40s", 1, 1.9), ("t4", 1, 0.5), ("h100", 1, 6.9))
)
BUSY = Workload(concurrency=16)


def ways(setup, slo, price=MARKET[0]):
    named = outlook(setup, Deployment(), BUSY, slo, price=price)
    return instead(named, weigh_all(candidates(Deployment(), ZEPHYR), MARKET, BUSY, slo))


def test_other_weights_on_the_same_card_then_other_cards():
    found = ways(Setup(model=ZEPHYR, gpu=gpus()["l4"]), Slo())
    here = [one for one in found if one.gpu == "l4"]
    assert found[: len(here)] == tuple(here)
    assert {one.weights for one in here} >= {"fp8-weight", "int4"}
    assert [one.gpu for one in found[len(here) :]] == ["t4", "l40s", "h100"]
    assert not [one for one in here if (one.weights, one.gpus) == ("16bit", 1)], "that is what was named"
    l40s = next(one for one in found if one.gpu == "l40s")
    assert l40s.why.startswith("+$1.10 an hour, ITL -")
    assert l40s.why.endswith("%")


def test_only_what_is_fast_enough():
    found = ways(Setup(model=ZEPHYR, gpu=gpus()["l4"]), Slo(itl_ms=12))
    assert "h100" in {one.gpu for one in found}
    assert {one.gpu for one in found}.isdisjoint({"l4", "t4"})
    assert all(one.itl_ms <= 12 for one in found)


def test_where_what_was_named_has_no_room():
    found = ways(Setup(model=ZEPHYR, gpu=gpus()["t4"], engine="vllm"), Slo(), MARKET[3])
    assert all("it fits" in one.why for one in found)
    assert found[0].gpu == "t4"
