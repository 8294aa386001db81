"""What others have measured."""

from __future__ import annotations

import pytest

from zephyr_deploy.plan.choice.published import Published, nearest
from zephyr_deploy.plan.gpus import gpus
from zephyr_deploy.plan.model.table import known_model
from zephyr_deploy.plan.setup import Setup
from zephyr_deploy.plan.workload import Workload

ZEPHYR = known_model("HuggingFaceH4/zephyr-7b-beta")


def setup(gpu, **more):
    return Setup(model=ZEPHYR, gpu=gpus()[gpu], **more)


@pytest.mark.parametrize("gpu", ["a10g", "a100-40", "h100", "b200"])
def test_those_of_the_same_card_come_first(gpu):
    found = nearest(setup(gpu), Workload(concurrency=16))
    assert found[0].gpu == gpu
    assert len(found) == 6
    assert len({(one.source, one.what) for one in found}) == 6


def test_of_the_same_weights_and_count():
    assert nearest(setup("a10g", weights="int4"), Workload())[0].weights == "int4"
    assert nearest(setup("a100-40", shards=4), Workload())[0].gpus == 4


def test_a_card_that_nobody_has_measured_has_those_of_others():
    assert nearest(setup("rtxpro6000"), Workload())[0].gpu != "rtxpro6000"


def test_the_error_is_a_share_of_what_was_measured():
    one = nearest(setup("l4"), Workload(), 1)[0]
    assert one.model_copy(update={"measured": 50.0, "predicted": 55.0}).error == pytest.approx(0.1)
    assert isinstance(one, Published)
    assert one.source
