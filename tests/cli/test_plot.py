"""Throughput against latency, drawn."""

from __future__ import annotations

import pytest

from zephyr_deploy.cli.plot import HEIGHT, Point, on_a_terminal, plot
from zephyr_deploy.plan.choice.outlook import outlook
from zephyr_deploy.plan.gpus import gpus
from zephyr_deploy.plan.model.table import known_model
from zephyr_deploy.plan.setup import Setup
from zephyr_deploy.plan.workload import Slo, Workload
from zephyr_deploy.spec.deployment import Deployment

ZEPHYR = known_model("HuggingFaceH4/zephyr-7b-beta")


def looked(gpu="l4", slo=None, **more):
    setup = Setup(model=ZEPHYR, gpu=gpus()[gpu], **more)
    return outlook(setup, Deployment(), Workload(concurrency=8), slo or Slo())


def test_every_level_has_its_place_within_the_axes():
    found = looked(slo=Slo(itl_ms=80))
    (drawn,) = plot(found)
    assert [point.label for point in drawn.points] == ["1", "2", "4", "8", "16", "32", "64"]
    right, top = float(drawn.x_ticks[-1].label), float(drawn.y_ticks[-1].label)
    for point, level in zip(drawn.points, found.levels, strict=True):
        assert point.x * right == pytest.approx(level.itl_ms)
        assert point.y * top == pytest.approx(level.prediction.output_tokens_per_s.value)
        assert 0 <= point.low < point.x < point.high <= 1
    assert drawn.limit * right == pytest.approx(80)


def test_a_limit_far_beyond_is_within_the_axes():
    (drawn,) = plot(looked(slo=Slo(itl_ms=1000)))
    assert 0.5 < drawn.limit <= 1


def test_two_have_the_same_axes():
    one, other = plot(looked(), looked("h100"))
    assert (one.x_ticks, one.y_ticks) == (other.x_ticks, other.y_ticks)


def test_nothing_is_drawn_where_no_speed_is_known():
    assert plot(looked("t4", engine="vllm")) == ()


def test_on_a_terminal():
    text = on_a_terminal(plot(looked(slo=Slo(itl_ms=80)))[0])
    lines = text.splitlines()
    field = [line.partition("|")[2] for line in lines[1 : HEIGHT + 1]]
    assert {line.index(":") for line in field if ":" in line} == {field[0].index(":")}, "the limit is upright"
    heights = [next(place for place, line in enumerate(field) if f" {label}" in line) for label in ("64", "32", "16")]
    assert heights == sorted(heights)
    assert "the dotted line is the limit" in lines[-1]
    assert ":" not in on_a_terminal(plot(looked())[0])
    assert text.isascii()


def test_labels_that_would_lie_on_each_other_are_left_out():
    (drawn,) = plot(looked())
    crowded = drawn._replace(points=(Point(0.5, 0.5, "1", 0.4, 0.6), Point(0.51, 0.51, "2", 0.4, 0.6)))
    assert [point.label for point in crowded.labelled] == ["1", ""]
