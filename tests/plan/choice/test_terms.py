"""Where the milliseconds go."""

from __future__ import annotations

import pytest

from zephyr_deploy.plan.choice.terms import CAUSES, terms
from zephyr_deploy.plan.gpus import gpus
from zephyr_deploy.plan.model.table import known_model
from zephyr_deploy.plan.setup import Setup
from zephyr_deploy.plan.speed.correction import Correction
from zephyr_deploy.plan.speed.predict import predict
from zephyr_deploy.plan.workload import Workload

L4 = Setup(model=known_model("HuggingFaceH4/zephyr-7b-beta"), gpu=gpus()["l4"])


@pytest.mark.parametrize("concurrency", [1, 32])
def test_they_add_up(concurrency):
    load = Workload(concurrency=concurrency)
    found, whole = terms(L4, load, kv_tokens=40_000), predict(L4, load, kv_tokens=40_000)
    assert sum(term.ttft_ms for term in found) == pytest.approx(whole.ttft_ms.value)
    assert sum(term.itl_ms for term in found) == pytest.approx(whole.itl_ms.value)
    assert min(term.itl_ms for term in found) >= -0.01 * whole.itl_ms.value
    assert min(term.ttft_ms for term in found) >= -0.03 * whole.ttft_ms.value


def test_reading_the_weights_takes_most_of_a_token_for_one():
    found = {term.cause: term for term in terms(L4, Workload(), kv_tokens=40_000)}
    weights = found[CAUSES["bandwidth_use"]].itl_ms
    assert weights > 0.9 * sum(term.itl_ms for term in found.values())


def test_every_multiplier_of_a_correction_is_a_cause():
    multipliers = {name for name, field in Correction.model_fields.items() if field.default == 1}
    assert multipliers == set(CAUSES)
