"""Which settings an engine gets, and why."""

import pytest
from plan.models import LLAMA_8B, ZEPHYR

from zephyr_deploy.plan.flags.advise import UNSAID, advise
from zephyr_deploy.plan.gpus import gpus
from zephyr_deploy.plan.setup import Setup
from zephyr_deploy.spec.deployment import Deployment, Engine, Limits


def setup(model=ZEPHYR, gpu="l4", **changes):
    return Setup(model=model, gpu=gpus()[gpu], **changes)


def test_zephyr_on_l4():
    found = advise(setup(), Deployment())
    assert found.fits
    assert not found.problems
    serve = found.serve
    assert (serve.max_input_tokens, serve.max_total_tokens, serve.max_batch_prefill_tokens) == (3072, 4096, 8049)
    assert (serve.num_shard, serve.quantize, serve.dtype) == (1, None, "bfloat16")


def test_each_setting_has_its_reason():
    reasons = {reason.flag: reason for reason in advise(setup(), Deployment()).reasons}
    assert len(reasons) == 12
    assert all(reason.why.endswith(".") for reason in reasons.values())
    assert reasons["--quantize"].value == UNSAID
    assert not any(reason.given for reason in reasons.values())


def test_what_the_user_says_stays():
    wish = Deployment(engine=Engine(quantize="eetq"), limits=Limits(max_batch_prefill_tokens=2048))
    found = advise(setup(), wish)
    assert (found.serve.quantize, found.setup.weights, found.serve.max_batch_prefill_tokens) == (
        "eetq",
        "int8-weight",
        2048,
    )
    assert {reason.setting for reason in found.reasons if reason.given} == {
        "engine.quantize",
        "limits.max_batch_prefill_tokens",
    }


@pytest.mark.parametrize("model", [ZEPHYR, LLAMA_8B])
def test_tgi_is_not_proposed_for_t4(model):
    found = advise(setup(model, "t4"), Deployment())
    assert not found.fits
    assert "compute capability 7.5" in found.problems[0].reason
