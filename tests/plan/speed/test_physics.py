import pytest

from zephyr_deploy.plan.gpus import gpus
from zephyr_deploy.plan.model.table import known_model
from zephyr_deploy.plan.setup import Setup
from zephyr_deploy.plan.speed.physics import Seen, contradictions, floors, impossible
from zephyr_deploy.plan.speed.predict import predict
from zephyr_deploy.plan.workload import Workload

ZEPHYR = known_model("HuggingFaceH4/zephyr-7b-beta")
A100 = Setup(model=ZEPHYR, gpu=gpus()["a100-80"])


def test_a_token_cannot_come_faster_than_the_weights_are_read():
    # 14.48 GB without the embedding is 14.22, at 2,039 GB/s
    assert floors(A100, Seen()).itl_ms == pytest.approx(14.22e9 / 2039e9 * 1000, rel=0.05)
    told = impossible(Seen(concurrency=1, itl_ms=4.85, output_tokens_per_s=206), A100)
    assert any("reading the weights" in one for one in told)
    assert impossible(Seen(concurrency=1, itl_ms=9.5, output_tokens_per_s=100), A100) == ()


def test_tokens_of_requests_that_run_one_at_a_time_are_the_inverse_of_their_interval():
    (said,) = contradictions(Seen(concurrency=1, itl_ms=17.2, output_tokens_per_s=1845))
    assert "58" in said
    assert not contradictions(Seen(concurrency=1, itl_ms=17.2, output_tokens_per_s=57))
    assert not contradictions(Seen(concurrency=1, itl_ms=17.2))


def test_prompts_cannot_be_computed_faster_than_the_card_computes():
    seen = Seen(input_tokens=8000, output_tokens=100, ttft_ms=50, concurrency=400, output_tokens_per_s=2500)
    told = impossible(seen, A100)
    assert any("first token" in one for one in told)
    assert any("compute" in one for one in told)


@pytest.mark.parametrize("gpu", ["l4", "a100-80", "h100", "rtx4090", "b200"])
@pytest.mark.parametrize("concurrency", [1, 16, 256])
@pytest.mark.parametrize("shards", [1, 4])
def test_what_is_predicted_is_never_impossible(gpu, concurrency, shards):
    setup = Setup(model=ZEPHYR, gpu=gpus()[gpu], shards=shards)
    found = predict(setup, Workload(concurrency=concurrency), kv_tokens=500_000)
    seen = Seen(
        concurrency=concurrency,
        input_tokens=512,
        output_tokens=128,
        ttft_ms=found.ttft_ms.value,
        itl_ms=found.itl_ms.value,
        output_tokens_per_s=found.output_tokens_per_s.value,
    )
    assert impossible(seen, setup) == ()
