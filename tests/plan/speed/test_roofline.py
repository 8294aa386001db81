"""What must hold of every setup, whatever the constants."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zephyr_deploy.errors import ConfigError
from zephyr_deploy.plan.gpus import gpus
from zephyr_deploy.plan.model.facts import ModelFacts
from zephyr_deploy.plan.setup import Setup
from zephyr_deploy.plan.speed.correction import Correction
from zephyr_deploy.plan.speed.predict import predict, prefill_ms, saturation
from zephyr_deploy.plan.workload import Workload

CARDS = st.sampled_from(sorted(gpus()))
KV_TOKENS = 400_000
LOADS = st.builds(
    Workload,
    input_tokens=st.integers(1, 20_000),
    output_tokens=st.integers(1, 4000),
    concurrency=st.integers(1, 512),
)
FEW = settings(max_examples=20)


def model(*, layers=32, hidden=4096, heads=32, kv_heads=8, experts=0, per_token=0, intermediate=14336):
    body = layers * (2 * hidden * hidden + 2 * hidden * 128 * kv_heads + 3 * hidden * intermediate * max(experts, 1))
    idle = layers * 3 * hidden * intermediate * (experts - per_token)
    tables = 2 * 32000 * hidden
    return ModelFacts(
        id="some/model",
        layers=layers,
        hidden=hidden,
        intermediate=intermediate,
        heads=heads,
        kv_heads=kv_heads,
        head_dim=128,
        vocab=32000,
        max_positions=32768,
        experts=experts,
        experts_per_token=per_token,
        parameters=body + tables,
        active_parameters=body + tables - idle,
        origin="table",
    )


MODELS = st.sampled_from(
    [
        model(),
        model(layers=1),
        model(layers=126, hidden=16384, heads=128, intermediate=53248),
        model(experts=8, per_token=2),
        model(kv_heads=32),
    ]
)
SETUPS = st.builds(
    lambda m, card, shards, engine, weights: Setup(
        model=m, gpu=gpus()[card], shards=shards, engine=engine, weights=weights
    ),
    MODELS,
    CARDS.filter(lambda key: gpus()[key].bandwidth_gb_s and gpus()[key].tflops),
    st.sampled_from([1, 2, 3, 4, 6, 8, 16]),
    st.sampled_from(["tgi", "vllm", "sglang"]),
    st.sampled_from(["16bit", "fp8", "int8", "fp8-weight", "int8-weight", "int4", "nf4"]),
)


def times(found):
    return found.ttft_ms.value, found.itl_ms.value, -found.output_tokens_per_s.value


@FEW
@given(SETUPS, LOADS)
def test_every_figure_is_a_positive_number_inside_its_interval(setup, load):
    found = predict(setup, load, kv_tokens=KV_TOKENS)
    for figure in (found.ttft_ms, found.itl_ms, found.output_tokens_per_s, found.requests_per_s):
        assert math.isfinite(figure.high)
        assert 0 < figure.low < figure.value < figure.high
    assert 1 <= found.running <= found.concurrency


@FEW
@given(SETUPS, LOADS, st.floats(1.01, 10))
def test_more_bandwidth_and_more_compute_never_slow(setup, load, times_more):
    before = predict(setup, load, kv_tokens=KV_TOKENS)
    for better in (
        {"bandwidth_gb_s": setup.gpu.bandwidth_gb_s * times_more},
        {"tflops": {name: value and value * times_more for name, value in setup.gpu.tflops.model_dump().items()}},
    ):
        gpu = type(setup.gpu).model_validate(setup.gpu.model_dump() | better)
        after = predict(setup.model_copy(update={"gpu": gpu}), load, kv_tokens=KV_TOKENS)
        assert after.itl_ms.value <= before.itl_ms.value * (1 + 1e-9)
        assert after.output_tokens_per_s.value >= before.output_tokens_per_s.value * (1 - 1e-9)


@FEW
@given(SETUPS, LOADS, st.integers(1, 200))
def test_more_at_a_time_is_never_faster_for_one_and_never_less_for_all(setup, load, more):
    before = predict(setup, load, kv_tokens=KV_TOKENS)
    after = predict(setup, load.model_copy(update={"concurrency": load.concurrency + more}), kv_tokens=KV_TOKENS)
    assert after.itl_ms.value >= before.itl_ms.value * (1 - 1e-9)
    assert after.output_tokens_per_s.value >= before.output_tokens_per_s.value * (1 - 1e-9)


@FEW
@given(SETUPS, LOADS)
def test_tokens_come_no_faster_than_their_interval_allows(setup, load):
    found = predict(setup, load, kv_tokens=KV_TOKENS)
    assert found.output_tokens_per_s.value <= found.running * 1000 / found.itl_ms.value * (1 + 1e-9)


@FEW
@given(SETUPS, st.floats(0.001, 500))
def test_a_rate_is_served_or_said_to_be_too_much(setup, rate):
    found = predict(setup, Workload(request_rate=rate), kv_tokens=KV_TOKENS)
    most = saturation(setup, Workload(), kv_tokens=KV_TOKENS).requests_per_s.value
    if rate > most * 1.01:
        assert found.saturated
    if not found.saturated:
        # as many are in flight as come in the time that one takes: Little's law, for what runs
        lasts = (found.ttft_ms.value + found.itl_ms.value * 128) / 1000
        assert found.concurrency <= rate * lasts * 1.05
        assert found.requests_per_s.value >= rate * 0.99


@FEW
@given(SETUPS, st.integers(1, 30_000), st.integers(1, 20_000))
def test_longer_prompts_take_longer(setup, tokens, more):
    assert prefill_ms(setup, tokens) < prefill_ms(setup, tokens + more)


def test_a_prompt_in_several_steps_takes_longer_than_in_one():
    setup = Setup(model=model(), gpu=gpus()["a100-80"])
    load = Workload(input_tokens=8192)
    whole = predict(setup, load, kv_tokens=KV_TOKENS)
    parts = predict(setup, load, kv_tokens=KV_TOKENS, prefill_tokens=512)
    assert whole.ttft_ms.value < parts.ttft_ms.value < 2 * whole.ttft_ms.value


def test_only_the_experts_that_are_chosen_are_read():
    card = gpus()["h100"]
    experts, dense = (
        Setup(model=model(experts=8, per_token=2), gpu=card),
        Setup(model=model(intermediate=8 * 14336), gpu=card),
    )
    one, many = Workload(concurrency=1), Workload(concurrency=64)
    assert (
        predict(experts, one, kv_tokens=KV_TOKENS).itl_ms.value
        < 0.5 * predict(dense, one, kv_tokens=KV_TOKENS).itl_ms.value
    )
    # 64 tokens choose them all
    ratio = (
        predict(experts, many, kv_tokens=KV_TOKENS).itl_ms.value
        / predict(dense, many, kv_tokens=KV_TOKENS).itl_ms.value
    )
    assert 0.5 < ratio < 1


def test_a_window_bounds_what_a_token_reads():
    whole = model()
    windowed = whole.model_copy(update={"sliding_window": 4096, "windowed_layers": 32})
    load = Workload(input_tokens=16_000, concurrency=16)
    a100 = gpus()["a100-80"]
    far, near = (Setup(model=m, gpu=a100) for m in (whole, windowed))
    later, sooner = (predict(setup, load, kv_tokens=KV_TOKENS) for setup in (far, near))
    assert sooner.itl_ms.value < later.itl_ms.value
    assert prefill_ms(near, 16_000) < prefill_ms(far, 16_000)
    assert prefill_ms(near, 2000) == prefill_ms(far, 2000)


@pytest.mark.parametrize("shards", [1, 2])
def test_beyond_what_was_measured_intervals_widen_and_say_why(shards):
    known = Setup(model=model(), engine="vllm", gpu=gpus()["h100"], shards=shards)
    unknown = known.model_copy(update={"gpu": gpus()["h100"].model_copy(update={"key": "h100-of-tomorrow"})})
    near, far = (predict(s, Workload(), kv_tokens=KV_TOKENS) for s in (known, unknown))
    assert not near.notes
    assert any("card" in note for note in far.notes)
    assert far.itl_ms.high / far.itl_ms.low > near.itl_ms.high / near.itl_ms.low


def test_a_correction_narrows_the_interval_and_moves_the_figure():
    setup = Setup(model=model(), gpu=gpus()["l4"])
    slower = Correction(bandwidth_use=0.8)
    found = predict(setup, Workload(), kv_tokens=KV_TOKENS, correction=slower)
    assert found.itl_ms.value > 1.15 * predict(setup, Workload(), kv_tokens=KV_TOKENS).itl_ms.value


def test_what_cannot_be_computed_is_named():
    card = gpus()["h100"].model_copy(update={"bandwidth_gb_s": None})
    with pytest.raises(ConfigError, match="bandwidth or compute"):
        predict(Setup(model=model(), gpu=card), Workload(), kv_tokens=KV_TOKENS)
    odd = model().model_copy(update={"speed_known": False, "architecture": "MambaForCausalLM"})
    with pytest.raises(ConfigError, match="MambaForCausalLM"):
        predict(Setup(model=odd, gpu=gpus()["h100"]), Workload(), kv_tokens=KV_TOKENS)
