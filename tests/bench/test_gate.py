from __future__ import annotations

import pytest

from zephyr_deploy.bench.figures import level_of
from zephyr_deploy.bench.gate import judge, parse, refuse_without_slo
from zephyr_deploy.bench.loads import Closed
from zephyr_deploy.bench.sample import Events, Sample, TokenEvent
from zephyr_deploy.bench.slo import Slo
from zephyr_deploy.bench.watch import LoopWatch
from zephyr_deploy.errors import GateError, OverloadedError, UsageError

MS = 1_000_000


class Report:
    def __init__(self, *levels):
        self.levels = levels


def level(ttft_ms=100, failed=0, workers=4, slo=None):
    good = Sample(taken_ns=0, sent_ns=0, ended_ns=1000 * MS, generated_tokens=3)
    good.events = Events(TokenEvent(int((ttft_ms + 10 * n) * MS), None) for n in range(3))
    bad = [Sample(taken_ns=0, ended_ns=5, failure=OverloadedError("full")) for _ in range(failed)]
    return level_of(Closed(concurrency=workers), [], [good, *bad], LoopWatch(), None, slo=slo)


@pytest.mark.parametrize(
    "passing",
    [
        "ttft_p99>100ms",
        "ttft_p50>0.2s",
        "itl_max>=10.1ms",
        "output_tokens_per_s<3",
        "requests_per_s < 1 /s",
        "errors>0",
    ],
)
def test_passes(passing):
    judge(Report(level()), [parse(passing)])


@pytest.mark.parametrize(
    ("failing", "figure"),
    [
        ("ttft_p99>=100ms", "ttft_p99 with 4 at once is 100ms"),
        ("ttft_p99>0.05s", "is 100ms"),
        ("e2e_mean>119ms", "is 120ms"),
        ("tpot_p90<=10ms", "is 10ms"),
        ("output_tokens_per_s<3.5", "is 3 "),
        ("errors>0", "is 1 "),
        ("errors>=50%", "is 50%"),
    ],
)
def test_fails_with_the_figure(failing, figure):
    with pytest.raises(GateError, match=figure) as caught:
        judge(Report(level(failed=1)), [parse(failing)])
    assert caught.value.exit_code == 8


@pytest.mark.parametrize(("ttft_ms", "figure"), [(12_345, "is 12345ms"), (999.94, "is 999.9ms"), (1234.4, "is 1234ms")])
def test_large_figures_are_in_full(ttft_ms, figure):
    with pytest.raises(GateError, match=figure):
        judge(Report(level(ttft_ms=ttft_ms)), [parse("ttft_p50>1ms")])


def test_any_level_and_any_gate_fails_the_run():
    report = Report(level(ttft_ms=10, workers=1), level(ttft_ms=500, workers=8))
    with pytest.raises(GateError, match="with 8 at once") as caught:
        judge(report, [parse("ttft_p50>400ms"), parse("errors>0")])
    assert "with 1 at once" not in caught.value.message


def test_what_could_not_be_measured_does_not_pass():
    dead = level_of(
        Closed(concurrency=1), [], [Sample(taken_ns=0, ended_ns=5, failure=OverloadedError("full"))], LoopWatch(), None
    )
    with pytest.raises(GateError, match="could not be measured"):
        judge(Report(dead), [parse("ttft_p99>400ms")])


@pytest.mark.parametrize("gate", ["errors>0", "errors>1%", "requests_per_s>9"])
def test_a_level_without_a_request_does_not_pass(gate):
    nothing = level_of(Closed(concurrency=1), [], [], LoopWatch(), None)
    with pytest.raises(GateError, match="could not be measured"):
        judge(Report(nothing), [parse(gate)])


@pytest.mark.parametrize(
    "text",
    ["", "ttft_p99", "ttft>400ms", "ttft_p96>400ms", "ttft_p99>400us", "ttft_p99=400ms", "speed>1", "errors>1ms",
     "goodput<1ms", "goodput_p50<1", "goodput_per_s<1%", "output_tokens_per_s<5%", "ttft_p99>-1ms",
     "ttft_p99>400ms; errors>0"],
)  # fmt: skip
def test_refuses_what_it_cannot_read_and_says_how_to_write_it(text):
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert "ttft_p99>400ms" in caught.value.hint


@pytest.mark.parametrize(
    ("gate", "figure"),
    [
        ("goodput<0.6", "is 0.5 "),
        ("goodput<=50%", "is 50%"),
        ("goodput_per_s<1.5", "is 1 "),
        ("ttft_p95>=100ms", "is 100ms"),
        ("ntpot_mean>39ms", "is 40ms"),
        ("icl_max>=10ms", "is 10ms"),
    ],
)
def test_more_figures(gate, figure):
    one = level(failed=1, slo=Slo(ttft_ms=100))
    with pytest.raises(GateError, match=figure):
        judge(Report(one), [parse(gate)])


def test_goodput_needs_an_slo():
    with pytest.raises(UsageError, match="what is good") as caught:
        refuse_without_slo([parse("goodput<99%")], None)
    assert "--slo" in caught.value.hint
    refuse_without_slo([parse("goodput<99%")], Slo(ttft_ms=1))
    refuse_without_slo([parse("errors>0")], None)


@pytest.mark.parametrize("gate", ["ttft_sched_p99>1s", "late_max>1ms", "goodput<1%"])
def test_a_closed_loop_has_no_timetable_and_this_one_no_slo(gate):
    with pytest.raises(GateError, match="could not be measured"):
        judge(Report(level()), [parse(gate)])


def test_a_share_above_one_was_meant_as_percent():
    with pytest.raises(UsageError, match="from 0 to 1") as caught:
        parse("goodput<99")
    assert "'goodput<99%'" in caught.value.hint
