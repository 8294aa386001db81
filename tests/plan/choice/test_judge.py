"""One setup under one workload."""

from __future__ import annotations

import pytest

from zephyr_deploy.plan.choice.judge import judge, milliseconds, usd_per_million
from zephyr_deploy.plan.gpus import gpus
from zephyr_deploy.plan.model.table import known_model
from zephyr_deploy.plan.prices import Price
from zephyr_deploy.plan.setup import Setup
from zephyr_deploy.plan.speed.predict import predict
from zephyr_deploy.plan.workload import Slo, Workload

ZEPHYR = known_model("HuggingFaceH4/zephyr-7b-beta")
L4 = Setup(model=ZEPHYR, gpu=gpus()["l4"])
T4 = Setup(model=ZEPHYR, gpu=gpus()["t4"], engine="vllm")
BUSY = Workload(concurrency=32)


def test_what_is_fast_enough():
    judged = judge(L4, BUSY, Slo(itl_ms=200, ttft_ms=2000))
    assert (judged.meets, judged.why, judged.missing_bytes) == (True, "", 0)
    assert 0.5 < judged.chance < 1
    assert judged.over < 1


def test_what_is_too_slow_says_by_how_much():
    judged = judge(L4, BUSY, Slo(itl_ms=20))
    assert not judged.meets
    assert judged.why == f"ITL p50 {judged.itl_ms:.0f} ms > 20 ms"
    assert judged.chance < 0.5
    assert judged.over == judged.itl_ms / 20


def test_both_limits_are_told():
    judged = judge(L4, BUSY, Slo(itl_ms=20, ttft_ms=50, percentile="p99"))
    assert judged.why.startswith("TTFT p99 ")
    assert ", ITL p99 " in judged.why


def test_what_has_no_room_says_how_many_bytes_are_missing():
    judged = judge(T4, BUSY, Slo())
    assert (judged.meets, judged.prediction) == (False, None)
    assert judged.missing_bytes > 1e8
    assert judged.why == f"does not fit, by {judged.missing_bytes / 1e9:.1f} GB a GPU"


def test_more_requests_than_can_be_served():
    judged = judge(L4, Workload(request_rate=500), Slo(itl_ms=40))
    most = judged.prediction.requests_per_s.value
    assert (judged.meets, judged.chance) == (False, 0)
    assert judged.why == f"serves {most:.3g} requests/s, not 500"


def test_without_an_slo_whatever_fits_will_do():
    judged = judge(L4, BUSY, Slo())
    assert (judged.meets, judged.chance, judged.over) == (True, None, 0)


@pytest.mark.parametrize(("slo", "will_do"), [(Slo(), True), (Slo(itl_ms=1000), False)])
def test_a_card_whose_speed_is_not_known(slo, will_do):
    unknown = gpus()["l4"].model_copy(update={"bandwidth_gb_s": None})
    judged = judge(L4.model_copy(update={"gpu": unknown}), BUSY, slo)
    assert judged.meets is will_do
    assert "speed of NVIDIA L4 is not known" in judged.why


def test_what_a_million_tokens_cost():
    found = predict(L4, BUSY, kv_tokens=40_000)
    rate = found.output_tokens_per_s.value
    price = Price(cloud="aws", gpu="l4", usd_per_hour=3.6)
    assert usd_per_million(price, found) == pytest.approx(1000 / rate)
    assert usd_per_million(None, found) is None
    assert usd_per_million(price, None) is None


@pytest.mark.parametrize(("value", "text"), [(9.96, "10 ms"), (2.34, "2.3 ms"), (411.6, "412 ms"), (12_345, "12 s")])
def test_times_for_people(value, text):
    assert milliseconds(value) == text


def test_a_span_is_in_the_unit_of_what_it_is_around():
    assert milliseconds(12_345, 9876, 15_000) == "12 s (9.9-15)"
    assert milliseconds(9876, 7000, 12_345) == "9876 ms (7000-12345)"
