from itertools import pairwise

from plan.models import dense

from zephyr_deploy.plan.gpus import gpus
from zephyr_deploy.plan.setup import Setup
from zephyr_deploy.plan.speed.predict import curve, predict, prefill_ms, saturation
from zephyr_deploy.plan.workload import Workload

MISTRAL = dense(
    "mistralai/Mistral-7B-v0.1",
    layers=32,
    hidden=4096,
    intermediate=14336,
    heads=32,
    kv_heads=8,
    vocab=32000,
    positions=32768,
    parameters=7_241_732_096,
)
A100 = Setup(model=MISTRAL, gpu=gpus()["a100-80"])
KV_TOKENS = 470_000


def test_a_token_takes_about_as_long_as_reading_the_weights():
    alone = predict(A100, Workload(concurrency=1), kv_tokens=KV_TOKENS)
    assert 7.0 < alone.itl_ms.value < 12
    assert alone.itl_ms.low < alone.itl_ms.value < alone.itl_ms.high


def test_more_at_a_time_is_more_tokens_and_slower_ones():
    points = curve(A100, Workload(), KV_TOKENS)
    assert [p.concurrency for p in points][:4] == [1, 2, 4, 8]
    assert all(a.itl_ms.value <= b.itl_ms.value for a, b in pairwise(points))


def test_a_rate_brings_about_its_concurrency_by_littles_law():
    found = predict(A100, Workload(request_rate=4), kv_tokens=KV_TOKENS)
    assert abs(found.requests_per_s.value - 4) < 0.1
    assert not found.saturated


def test_a_rate_beyond_what_can_be_served_is_said():
    assert predict(A100, Workload(request_rate=1000), kv_tokens=KV_TOKENS).saturated


def test_no_concurrency_gives_more_than_saturation():
    most = saturation(A100, Workload(), kv_tokens=KV_TOKENS).output_tokens_per_s.value
    assert most >= max(p.output_tokens_per_s.value for p in curve(A100, Workload(), KV_TOKENS))
    assert prefill_ms(A100, 2048) > prefill_ms(A100, 512)
