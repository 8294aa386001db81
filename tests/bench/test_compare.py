"""Two runs of the same server are seldom said to differ; one that is a tenth slower is found."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench.simulated import closed, opened, report

from zephyr_deploy.bench import change
from zephyr_deploy.bench.compare import compare
from zephyr_deploy.bench.saved import read_report
from zephyr_deploy.bench.slo import Slo
from zephyr_deploy.errors import GateError, UsageError

VERSION_1 = Path(__file__).parents[1] / "data" / "bench-report-1.json"
PAIRS = 40
FIGURES = ("ttft_mean", "ttft_p50", "ttft_p90", "itl_p50", "itl_p90", "itl_p99", "tpot_p50", "e2e_p50",
           "output_tokens_per_s", "requests_per_s")  # fmt: skip


def level(a, b):
    return compare(report(a), report(b)).levels[0]


@pytest.fixture(scope="module")
def runs():
    return [closed(seed, workers=8, requests=96) for seed in range(2 * PAIRS)]


def test_the_same_server_is_seldom_said_to_differ(runs):
    pairs = [level(*runs[2 * place : 2 * place + 2]) for place in range(PAIRS)]
    wrong = {name: sum(pair.of(name).outcome in {"better", "worse"} for pair in pairs) for name in FIGURES}
    assert sum(wrong.values()) <= 0.06 * PAIRS * len(FIGURES), wrong
    assert max(wrong.values()) <= 0.15 * PAIRS, wrong


def test_a_tenth_is_found(runs):
    slower = [closed(1000 + seed, workers=8, requests=96, ttft_ms=55, itl_ms=22) for seed in range(10)]
    pairs = [level(a, b) for a, b in zip(runs, slower, strict=False)]
    for name in ("ttft_mean", "ttft_p50", "itl_p50", "itl_p99", "tpot_p50", "output_tokens_per_s"):
        assert sum(pair.of(name).outcome == "worse" for pair in pairs) >= 7, name
        turned = level(slower[0], runs[0]).of(name)
        assert turned.outcome in {"better", "no_difference"}
    found = pairs[0].of("itl_p50")
    assert found.change == pytest.approx(0.1, abs=0.01)
    assert found.change_interval[0] < 0.1 < found.change_interval[1]
    assert found.difference == pytest.approx(2, abs=0.2)
    assert pairs[0].effects["tpot"] > 0.95
    assert 0.5 < pairs[0].effects["ttft"] < 0.9


def test_too_few_requests_say_so():
    few = level(closed(1, workers=4, requests=32), closed(2, workers=4, requests=32))
    assert (few.of("ttft_p99").outcome, few.of("ttft_p99").interval) == ("too_few", None)
    assert few.of("ttft_p50").outcome == "no_difference"


def test_reports_of_version_1_are_compared_by_points():
    old = read_report(VERSION_1)
    found = compare(old, old, ("old", "older"))
    assert [pair.of("ttft_p50").outcome for pair in found.levels] == ["points_only"] * 2
    assert found.levels[0].effects == {}
    assert (
        "old with 1 at once has no intervals (an earlier version): it is compared by its points alone." in found.doubts
    )


def test_levels_are_matched_by_their_load():
    one, four, ten = closed(1, 1, 40), closed(2, 4, 40), opened(3, 10, 60)
    found = compare(report(one, four), report(ten, four))
    assert [str(pair.load) for pair in found.levels] == ["4 at once"]
    assert (found.only_a, found.only_b) == (("1 at once",), ("10 a second",))
    assert level(ten, ten).of("ttft_sched_p50").difference == 0
    assert level(four, four).of("ttft_sched_p50") is None


def test_a_load_that_was_measured_twice_meets_its_counterpart():
    first, second = closed(1, 4, 40), closed(2, 4, 40)
    found = compare(report(first, second), report(first, second))
    assert [pair.of("ttft_p50").difference for pair in found.levels] == [0, 0]


def test_what_makes_a_comparison_doubtful_is_said():
    one = closed(1, 4, 40)
    busy = one.model_copy(update={"client": one.client.model_copy(update={"reason": "The client was late."})})
    found = compare(report(one), report(busy, release="fedc", seed=3, max_new_tokens=9), ("before", "after"))
    assert "The release was 0123456789abcdef and is fedc." in found.changed
    assert "They did not ask the same: seed was 0 and is 3." in found.doubts
    assert "They did not ask the same: max_new_tokens was 64 and is 9." in found.doubts
    assert "after with 4 at once: The client was late." in found.doubts
    assert compare(report(one), report(one)).changed == ()


def test_where_the_requests_came_from_is_said():
    here = report(closed(1, 4, 40))
    found = compare(here, here.model_copy(update={"measured_from": "node"}))
    assert found.changed == ("Requests were sent by the client and are by the machine that serves.",)


def test_a_release_that_is_not_known_is_said_in_words():
    found = compare(report(closed(1, 4, 40), release=None), report(closed(1, 4, 40)))
    assert found.changed == ("The release was not known and is 0123456789abcdef.",)


def test_a_timetable_that_was_not_kept_is_said():
    one = opened(1, 10, 60)
    found = compare(report(one), report(one.model_copy(update={"held_back": 7})))
    assert "B with 10 a second: 7 were held back, so that the timetable was not kept." in found.doubts


def test_goodput_is_compared_under_the_same_slo_alone():
    strict, loose = (closed(1, 4, 40, slo=Slo(ttft_ms=limit)) for limit in (50, 55))
    assert level(strict, strict).of("goodput").outcome == "no_difference"
    assert level(strict, loose).of("goodput") is None


def test_errors_are_a_share():
    whole = closed(1, 4, 100)
    log = [
        record.model_copy(update={"failure": "broken"} if place % 4 == 0 else {})
        for place, record in enumerate(whole.log)
    ]
    broken = whole.model_copy(update={"log": tuple(log), "succeeded": 75})
    found = level(whole, broken).of("errors")
    assert (found.a, found.b, found.outcome, found.change) == (0, 0.25, "worse", None)
    low, high = found.interval
    assert 0.1 < low < 0.25 < high < 0.4


@pytest.fixture(scope="module")
def slower():
    """By 10 %."""
    return compare(report(closed(1, 8, 400)), report(closed(2, 8, 400, itl_ms=22)))


@pytest.mark.parametrize(
    "passing",
    ["itl_p50>+12%", "itl_p50>+2.5ms", "itl_p50<-5%", "output_tokens_per_s<-15%", "ttft_p50>+5%", "errors>+3%"],
)
def test_gates_that_pass(slower, passing):
    change.judge(slower, [change.parse(passing)])


@pytest.mark.parametrize(
    ("failing", "said"),
    [
        ("itl_p50>+5%", "itl_p50 with 8 at once changed by +9."),
        ("itl_p99 > +0.001s", " ms"),
        ("output_tokens_per_s<-2%", "to -"),
        ("e2e_max>+5%", None),
        ("ttft_sched_p50>+5%", "not in both"),
    ],
)
def test_gates_that_fail(slower, failing, said):
    if said is None:
        with pytest.raises(UsageError, match="not compared"):
            change.parse(failing)
        return
    with pytest.raises(GateError, match="Gate failed") as caught:
        change.judge(slower, [change.parse(failing)])
    assert said in caught.value.message
    assert caught.value.exit_code == 8


def test_a_change_that_could_be_chance_does_not_fail():
    """Its estimate is beyond the gate, and its interval is not."""
    found = compare(report(closed(1, 4, 32)), report(closed(4, 4, 32, ttft_ms=55)))
    one = found.levels[0].of("ttft_p50")
    assert one.change > 0.05
    assert one.change_interval[0] < 0.05
    change.judge(found, [change.parse("ttft_p50>+5%")])


def test_what_cannot_be_told_does_not_pass():
    found = compare(report(closed(1, 4, 32)), report(closed(2, 4, 32)))
    with pytest.raises(GateError, match="too few requests to tell"):
        change.judge(found, [change.parse("ttft_p99>+5%")])


def test_reports_without_intervals_do_not_pass_and_say_why():
    old = read_report(VERSION_1)
    with pytest.raises(GateError, match="has no intervals in one of the reports"):
        change.judge(compare(old, old), [change.parse("ttft_p50>+5%")])


@pytest.mark.parametrize(
    "text", ["ttft_p99>5%", "ttft>+5%", "ttft_p99>=+5%", "requests_per_s<-5ms", "errors>+1", "goodput<-1ms"]
)
def test_refused(text):
    with pytest.raises(UsageError) as caught:
        change.parse(text)
    assert "ttft_p99>+5%" in caught.value.hint


def test_a_load_that_was_not_measured_again_does_not_pass():
    levels = closed(1, 4, 40), closed(1, 8, 40)
    with pytest.raises(GateError, match="8 at once was not measured again"):
        change.judge(compare(report(*levels), report(levels[0])), [change.parse("ttft_p50>+50%")])


def test_only_a_sign_makes_a_change():
    assert change.is_change("ttft_p99>+5%")
    assert change.is_change("requests_per_s< -5%")
    assert not change.is_change("ttft_p99>400ms")
