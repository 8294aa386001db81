"""Constants from measurements, against an engine whose constants are known."""

import pytest

from zephyr_deploy.plan.gpus import gpus
from zephyr_deploy.plan.learned import FIELDS, learn, refusals
from zephyr_deploy.plan.setup import Setup
from zephyr_deploy.plan.speed.correction import Correction
from zephyr_deploy.plan.speed.measured import Point
from zephyr_deploy.plan.speed.predict import predict
from zephyr_deploy.plan.workload import Workload

from .models import ZEPHYR

L4 = Setup(model=ZEPHYR, gpu=gpus()["l4"])
ROOM = 46_000
UNLIKE = Correction(bandwidth_use=0.9, compute_use=0.8, host_s=2, sequence_s=1.5, first_s=2)


def found(kind, concurrency, input_tokens=256, output_tokens=64, *, correction=UNLIKE):
    """What an engine with other constants would show."""
    asked = Workload(concurrency=concurrency, input_tokens=input_tokens, output_tokens=output_tokens)
    prediction = predict(L4, asked, kv_tokens=ROOM, correction=correction)
    return Point(
        kind=kind,
        concurrency=concurrency,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        value=getattr(prediction, FIELDS[kind]).value,
    )


PROBES = (found("itl", 1, 64), found("ttft", 1, 1024, 16), found("itl", 8), found("itl", 32))


def off(points, correction):
    """The largest error of what is predicted, as a share."""
    asked = ((point, found(point.kind, point.concurrency, correction=correction)) for point in points)
    return max(abs(answer.value / point.value - 1) for point, answer in asked)


def test_few_probes_tell_of_what_was_not_probed():
    others = (found("throughput", 16), found("itl", 4), found("ttft", 4))
    before, after = off(others, Correction()), off(others, learn(L4, PROBES).correction)
    assert before > 0.14
    assert after < before / 2


def test_nothing_measured_changes_nothing():
    correction = learn(L4, ()).correction
    assert {getattr(correction, name) for name in ("bandwidth_use", "host_s", "compute_use")} == {1.0}


def test_each_point_narrows_the_interval():
    widths = [learn(L4, PROBES[:count]).correction.spread for count in range(len(PROBES) + 1)]
    assert [one.itl for one in widths] == sorted((one.itl for one in widths), reverse=True)
    assert widths[2].ttft < widths[1].ttft
    assert widths[-1].itl < 0.65 * widths[0].itl


def test_one_bad_moment_spoils_no_correction():
    bad = found("itl", 4).model_copy(update={"value": 1000})
    others = (found("itl", 16), found("throughput", 16))
    assert off(others, learn(L4, (*PROBES, bad)).correction) < 0.15


@pytest.mark.parametrize("times", [0.02, 30])
def test_what_is_far_from_any_prediction_is_solved_too(times):
    far = [point.model_copy(update={"value": point.value * times}) for point in PROBES]
    learned = learn(L4, far)
    assert all(0 < one.after.low < one.after.high < float("inf") for one in learned.compared)


def test_points_are_shown_before_and_after():
    one = learn(L4, PROBES, source="your measurement").compared[0]
    assert abs(one.after.value / one.point.value - 1) < 0.03 < abs(one.before.value / one.point.value - 1)
    assert one.after.low < one.point.value < one.after.high


def test_what_cannot_be_is_refused_and_not_learned_from():
    wrong = found("itl", 1).model_copy(update={"value": 5.0})  # 14 GB in 5 ms; the card reads 0.3 TB a second
    (refused,) = refusals(L4, (*PROBES, wrong))
    assert refused.point == wrong
    assert "reading the weights" in refused.why
    learned = learn(L4, (*PROBES, wrong))
    assert learned.refused == (refused,)
    assert learned.correction == learn(L4, PROBES).correction


def test_where_everything_is_refused_nothing_is_learned():
    wrong = found("itl", 1).model_copy(update={"value": 5.0})
    learned = learn(L4, (wrong,))
    assert learned.compared == ()
    assert learned.correction.bandwidth_use == 1
