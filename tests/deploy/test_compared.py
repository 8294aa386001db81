"""A benchmark beside its plan."""

from __future__ import annotations

import pytest
from bench_reports import level, report

from zephyr_deploy.bench.report import BenchReport
from zephyr_deploy.deploy.compared import beside_plan, learn_from
from zephyr_deploy.deploy.served import Running
from zephyr_deploy.plan.gpus import gpus
from zephyr_deploy.plan.model.table import known_model
from zephyr_deploy.plan.served import Served
from zephyr_deploy.plan.setup import Setup
from zephyr_deploy.release.serving import Serving

ZEPHYR = known_model("HuggingFaceH4/zephyr-7b-beta")
SERVED = Served(model=ZEPHYR.id, engine="tgi", image="tgi:3", gpu="l4", shards=1, weights="16bit", prefill_tokens=4096)
RUNNING = Running("chat", "0123456789ab", SERVED, Setup(model=ZEPHYR, gpu=gpus()["l4"]), Serving(), machines=1)


@pytest.fixture(autouse=True)
def own_state(tmp_path, monkeypatch):
    monkeypatch.setenv("ZEPHYR_STATE_DIR", str(tmp_path / "state"))


def measured(*levels):
    return BenchReport.model_validate(report(*levels))


def test_each_level_has_what_was_planned():
    found = beside_plan(measured(level(1, 56), level(8, 62)), RUNNING)
    assert found.target.served == SERVED
    assert [one.predicted.concurrency for one in found.levels] == [1, 8]
    assert BenchReport.model_validate_json(found.model_dump_json()) == found


def test_what_is_off_is_said():
    near, far = beside_plan(measured(level(1, 56), level(1, 200)), RUNNING).levels
    assert not [remark for remark in near.remarks if remark.startswith("ITL")]
    (remark,) = [remark for remark in far.remarks if remark.startswith("ITL")]
    assert remark.startswith("ITL was 200 ms; ")


def test_the_next_plan_is_by_these_figures():
    first = beside_plan(measured(level(1, 80), level(8, 90)), RUNNING)
    learn_from(first, RUNNING)
    again = beside_plan(measured(level(1, 80)), RUNNING)
    before, after = (one.levels[0].predicted.itl_ms for one in (first, again))
    assert before.high < 80 < after.high
    assert after.high / after.low < before.high / before.low


def test_a_level_without_an_answer():
    nothing = level(1, 56, succeeded=0, output_tokens=None, ttft_ms=None, tpot_ms=None, output_tokens_per_s=0)
    found = beside_plan(measured(nothing), RUNNING)
    assert found.levels[0].predicted is None
    assert learn_from(found, RUNNING) is None


@pytest.mark.parametrize("why", ["several machines", "an unknown card"])
def test_where_nothing_is_planned(why):
    dark = RUNNING.setup.gpu.model_copy(update={"bandwidth_gb_s": None})
    apart = {
        "several machines": RUNNING._replace(machines=2),
        "an unknown card": RUNNING._replace(setup=RUNNING.setup.model_copy(update={"gpu": dark})),
    }[why]
    assert beside_plan(measured(level(1, 56)), apart).levels[0].predicted is None


def test_what_cannot_be_is_flagged_and_not_learned_from():
    found = beside_plan(measured(level(1, 5)), RUNNING)
    (remark,) = [remark for remark in found.levels[0].remarks if remark.startswith("This cannot be: 5 ms between")]
    assert "speculation" in remark
    kept = learn_from(found, RUNNING)
    assert [one.kind for one in kept.points] == ["ttft"]
