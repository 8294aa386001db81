"""All that is known of one setup."""

from __future__ import annotations

import pytest

from zephyr_deploy.plan.choice.outlook import outlook
from zephyr_deploy.plan.gpus import gpus
from zephyr_deploy.plan.model.table import known_model
from zephyr_deploy.plan.prices import Price
from zephyr_deploy.plan.setup import Setup
from zephyr_deploy.plan.speed.correction import Correction, Spreads
from zephyr_deploy.plan.workload import Slo, Workload
from zephyr_deploy.spec.deployment import Deployment, Engine, Limits

ZEPHYR = known_model("HuggingFaceH4/zephyr-7b-beta")
L4 = Setup(model=ZEPHYR, gpu=gpus()["l4"])
NARROW = Spreads(ttft=0.05, itl=0.05, throughput=0.05)
PRICE = Price(cloud="aws", gpu="l4", usd_per_hour=0.8)


def test_speed_and_cost_at_every_load():
    found = outlook(L4, Deployment(), Workload(concurrency=24), Slo(), price=PRICE)
    loads = [level.prediction.concurrency for level in found.levels]
    assert loads == sorted({1, 2, 4, 8, 16, 24, 32, 64})
    assert found.asked.prediction == found.levels[loads.index(24)].prediction
    rates = [level.prediction.output_tokens_per_s.value for level in found.levels]
    assert rates == sorted(rates)
    assert found.saturation.prediction.output_tokens_per_s.value >= rates[-1]
    costs = [level.usd_per_million_tokens for level in found.levels]
    assert costs == sorted(costs, reverse=True)
    assert costs[0] == pytest.approx(0.8 / 3600 / rates[0] * 1e6)
    assert (found.meets, found.most_concurrency, found.asked.chance) == (None, None, None)


def test_loads_beyond_use_are_left_out():
    small = Setup(model=known_model("Qwen/Qwen2.5-0.5B"), gpu=gpus()["h100"])
    found = outlook(small, Deployment(), Workload(), Slo())
    assert [level.prediction.concurrency for level in found.levels][-1] == 256
    assert found.saturation.prediction.concurrency > 1000


def test_as_many_requests_as_are_fast_enough():
    found = outlook(L4, Deployment(), Workload(concurrency=4), Slo(itl_ms=80))
    assert found.meets
    most = found.most_concurrency
    for count, fast in ((most, True), (most + 1, False)):
        at = outlook(L4, Deployment(), Workload(concurrency=count), Slo(itl_ms=80))
        assert at.meets is fast
    assert found.advice.serve.max_concurrent_requests == most, "the settings keep the times that are asked for"


def test_too_slow_even_for_one():
    found = outlook(L4, Deployment(), Workload(), Slo(itl_ms=10))
    assert (found.meets, found.most_concurrency) == (False, 0)
    assert found.why.startswith("ITL p50")


def test_what_does_not_fit():
    t4 = Setup(model=ZEPHYR, gpu=gpus()["t4"], engine="vllm")
    found = outlook(t4, Deployment(), Workload(), Slo())
    assert (found.asked, found.levels, found.meets) == (None, (), False)
    assert found.missing_bytes > 0
    assert "does not fit" in found.why


def test_a_speed_that_nobody_knows_leaves_memory_and_settings():
    card = gpus()["l4"].model_copy(update={"bandwidth_gb_s": None})
    found = outlook(L4.model_copy(update={"gpu": card}), Deployment(), Workload(), Slo())
    assert (found.asked, found.meets) == (None, None)
    assert "bandwidth" in found.why
    assert found.advice.fits
    slow = outlook(L4.model_copy(update={"gpu": card}), Deployment(), Workload(), Slo(itl_ms=1000))
    assert slow.meets is False


def test_the_users_own_settings_stay():
    wish = Deployment(limits=Limits(max_total_tokens=2048), engine=Engine(kv_cache_dtype="fp8_e4m3fn"))
    found = outlook(L4, wish, Workload(), Slo())
    assert found.advice.serve.max_total_tokens == 2048
    assert found.advice.memory.kv_bytes_per_token == ZEPHYR.kv_values()


def test_own_measurements_count():
    plain = outlook(L4, Deployment(), Workload(), Slo())
    slower = outlook(L4, Deployment(), Workload(), Slo(), correction=Correction(bandwidth_use=0.5, spread=NARROW))
    assert slower.asked.itl_ms > 1.8 * plain.asked.itl_ms
    estimate = slower.asked.prediction.itl_ms
    assert estimate.high / estimate.value == pytest.approx(1.051, abs=1e-3)


def test_a_machine_with_more_gpus_than_are_used():
    price = Price(cloud="aws", machine="g6.12xlarge", gpu="l4", gpus=4, usd_per_hour=4.6)
    assert (
        "g6.12xlarge has 4 GPUs, of which 1 would be used."
        in outlook(L4, Deployment(), Workload(), Slo(), price=price).notes
    )
