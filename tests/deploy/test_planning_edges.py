"""Models and loads at the edges of what there is: a plan is made of each, or a reason is given."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zephyr_deploy.cli.page import page
from zephyr_deploy.deploy.model_facts import Found
from zephyr_deploy.deploy.planning import Known, Market, estimate_of, explained
from zephyr_deploy.errors import ConfigError
from zephyr_deploy.plan.choice.outlook import outlook
from zephyr_deploy.plan.gpus import gpus
from zephyr_deploy.plan.model.facts import ModelFacts
from zephyr_deploy.plan.model.table import known_model, known_models
from zephyr_deploy.plan.prices import prices
from zephyr_deploy.plan.setup import Setup
from zephyr_deploy.plan.workload import Slo, Workload
from zephyr_deploy.spec.deployment import Deployment, Machine

MARKET = Market(tuple(price for price in prices() if price.orderable))


def model(**changes):
    shape = {"layers": 32, "hidden": 4096, "intermediate": 14336, "heads": 32, "kv_heads": 8, "head_dim": 128}
    about = {"id": "some/model", "vocab": 32000, "max_positions": 32768, "origin": "hub"}
    size = {"parameters": 7_241_732_096, "active_parameters": 7_241_732_096}
    return ModelFacts(**{**shape, **about, **size, **changes})


TINY = model(layers=1, parameters=500_000_000, active_parameters=500_000_000)
HUGE = model(
    layers=126,
    hidden=16384,
    intermediate=53248,
    heads=128,
    vocab=128256,
    max_positions=131072,
    parameters=405_853_388_800,
    active_parameters=405_853_388_800,
)
STRANGE = model(speed_known=False, architecture="OddForCausalLM")
FULL_PRECISION = model(dtype="float32")


def planned(facts, gpu=None, slo=None, load=None, **more):
    wish = Deployment(machine=Machine(gpu=gpu, **more))
    known = Known(Found(facts=facts), MARKET)
    return explained(estimate_of(wish, known, load or Workload(concurrency=4), slo or Slo()))


@pytest.mark.parametrize("facts", [TINY, HUGE, STRANGE, FULL_PRECISION], ids=["tiny", "huge", "strange", "float32"])
@pytest.mark.parametrize("gpu", ["l4", None])
def test_every_model_has_a_plan_or_a_reason(facts, gpu):
    found = planned(facts, gpu)
    json.loads(found.model_dump_json())
    assert page(found)
    assert found.others
    if found.outlook is None or found.outlook.asked is None:
        assert all(one.why for one in found.others)


def test_a_model_of_hundreds_of_billions_takes_many_gpus():
    found = planned(HUGE)
    setup = found.outlook.advice.setup
    assert setup.shards * setup.gpu.memory_bytes > 405e9 * setup.form.bytes_per_weight
    named = planned(HUGE, "l4")
    assert named.outlook.missing_bytes > 4e11
    assert named.outlook.meets is False


def test_a_model_of_one_layer_fits_anywhere():
    assert planned(TINY, "l4").outlook.missing_bytes == 0


def test_an_architecture_that_nobody_knows_has_memory_and_no_speed():
    found = planned(STRANGE, "l4")
    assert (found.outlook.asked, found.outlook.missing_bytes) == (None, 0)
    assert "OddForCausalLM" in found.outlook.why
    chosen = planned(STRANGE)
    assert chosen.outlook.missing_bytes == 0
    strict = planned(STRANGE, slo=Slo(itl_ms=1000))
    assert strict.outlook is None
    assert strict.others[0].verdict == "unknown-speed"


@pytest.mark.parametrize("count", [3, 6, 64])
def test_counts_that_cannot_share_a_model(count):
    with pytest.raises(ConfigError, match=r"engine\.num_shard"):
        planned(model(), "l4", gpus=count)


def test_more_requests_than_have_room_wait():
    found = planned(model(), "l4", load=Workload(concurrency=500))
    asked = found.outlook.asked.prediction
    assert asked.running < asked.concurrency == 500
    assert any("the others wait" in note for note in found.outlook.notes)


def test_more_requests_than_can_be_served():
    found = planned(model(), "l4", load=Workload(request_rate=1000))
    assert found.outlook.meets is False
    assert found.outlook.why.startswith("serves ")
    assert any("wait ever longer" in note for note in found.outlook.notes)


@pytest.mark.parametrize("percentile", ["p50", "p99"])
def test_rates_from_rare_to_many(percentile):
    setup = Setup(model=model(), gpu=gpus()["l40s"])
    slo = Slo(ttft_ms=1000, itl_ms=100, percentile=percentile)
    found = [outlook(setup, Deployment(), Workload(request_rate=rate), slo) for rate in (0.001, 0.1, 1, 4, 8)]
    for one, rate in zip(found, (0.001, 0.1, 1, 4, 8), strict=True):
        assert one.asked.prediction.requests_per_s.value == pytest.approx(rate)
        assert one.asked.prediction.output_tokens_per_s.value == pytest.approx(128 * rate)
        assert 0 < one.asked.chance <= 1
    for figure in ("ttft_ms", "itl_ms"):
        times = [getattr(one.asked, figure) for one in found]
        assert min(times) > 0
        assert times == sorted(times)
    loads = [one.asked.prediction.concurrency for one in found]
    assert loads[0] < 0.1
    assert loads[-1] > 1
    assert loads == sorted(loads)


def test_every_model_that_is_known_can_be_looked_at():
    for name in known_models():
        setup = Setup(model=known_model(name), gpu=gpus()["h100"], engine="vllm")
        found = outlook(setup, Deployment(), Workload(), Slo())
        assert found.asked or found.why, name


@settings(max_examples=25)
@given(
    st.integers(1, 30_000),
    st.integers(1, 2000),
    st.integers(1, 5000),
    st.sampled_from(sorted(gpus())),
    st.sampled_from(["tgi", "vllm", "sglang"]),
)
def test_any_load_on_any_card(prompt, answer, concurrency, gpu, engine):
    setup = Setup(model=model(), gpu=gpus()[gpu], engine=engine)
    load = Workload(input_tokens=prompt, output_tokens=answer, concurrency=concurrency)
    found = outlook(setup, Deployment(), load, Slo(ttft_ms=500))
    assert (found.asked is None) == (found.missing_bytes > 0)
    if found.asked:
        estimate = found.asked.prediction.itl_ms
        assert 0 < estimate.low <= estimate.value <= estimate.high
        assert found.most_concurrency <= max(1, found.advice.memory.kv_tokens // (prompt + answer))
    else:
        assert found.why
