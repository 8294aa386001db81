"""Which requests count as good."""

from __future__ import annotations

import pytest
from bench.simulated import closed
from pydantic import ValidationError

from zephyr_deploy.bench.report import RequestRecord
from zephyr_deploy.bench.slo import Slo, goodput_of, misses, parse
from zephyr_deploy.errors import UsageError

GOOD = RequestRecord(
    number=0,
    sent_ms=1000,
    ended_ms=1270,
    ttft_ms=200,
    e2e_ms=260,
    prompt_tokens=9,
    output_tokens=4,
    gaps_us=(10_000, 10_000, 40_000),
)


def missed(slo, **other):
    return list(misses(parse(slo), GOOD.model_copy(update=other)))


def test_read():
    slo = parse("ttft=300ms, itl=40.5ms,e2e=5s,tpot=0.05s")
    assert slo == Slo(ttft_ms=300, itl_ms=40.5, e2e_ms=5000, tpot_ms=50)
    assert parse(str(slo)) == slo


@pytest.mark.parametrize(
    "text", ["", "ttft", "ttft=300", "ttft<300ms", "speed=3ms", "ttft=1s,ttft=2s", "itl=0ms", "itl=-3ms"]
)
def test_refused(text):
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert "--slo" in caught.value.message


def test_asks_for_something():
    with pytest.raises(ValidationError, match="at least one"):
        Slo()


@pytest.mark.parametrize(
    ("slo", "terms"),
    [
        ("ttft=200ms,e2e=260ms,itl=40ms,tpot=20ms", []),
        ("ttft=199ms", ["ttft"]),
        ("e2e=259ms", ["e2e"]),
        ("tpot=19.9ms", ["tpot"]),
        # the 99th percentile of 10, 10 and 40 ms is 39.4
        ("itl=39.5ms", []),
        ("itl=39.3ms,ttft=1ms", ["ttft", "itl"]),
    ],
)
def test_every_term_at_its_limit(slo, terms):
    assert missed(slo) == terms


def test_with_a_timetable_times_count_from_the_planned_moment():
    assert missed("ttft=249ms,e2e=309ms", due_ms=950) == ["ttft", "e2e"]
    assert missed("ttft=250ms,e2e=310ms", due_ms=950) == []


def test_gaps_are_those_of_tokens():
    assert missed("itl=15ms", gap_tokens=(1, 1, 4)) == []


def test_a_failed_request_meets_nothing_and_misses_no_term():
    assert missed("ttft=9s", failure="broken") == ["failed"]


def test_an_answer_of_one_token_has_no_gap_to_be_late():
    assert missed("itl=1ms,tpot=1ms", gaps_us=(), output_tokens=1) == []


def test_an_answer_without_a_token_meets_nothing():
    terms = ["ttft", "itl", "tpot", "e2e"]
    assert missed(",".join(f"{term}=9s" for term in terms), ttft_ms=None, e2e_ms=None, gaps_us=()) == terms


def test_goodput():
    log = [GOOD] * 90 + [GOOD.model_copy(update={"ttft_ms": 301})] * 8 + [GOOD.model_copy(update={"failure": "x"})] * 2
    found = goodput_of(parse("ttft=300ms,itl=10ms"), log, 10)
    assert (found.met, found.share, found.per_s) == (0, 0, 0)
    assert found.misses == {"ttft": 8, "itl": 98, "failed": 2}
    found = goodput_of(parse("ttft=300ms"), log, 10)
    assert (found.met, found.share, found.per_s) == (90, 0.9, 9)
    low, high = found.intervals["share"]
    assert 0.5 < low < 0.9 < high < 1


def test_of_nothing():
    found = goodput_of(parse("ttft=300ms"), [], 0)
    assert (found.share, found.per_s, found.intervals) == (0, 0, {})


def test_a_level_has_it_where_it_was_asked_for():
    assert closed(1).goodput is None
    found = closed(1, slo=parse("ttft=50ms")).goodput
    assert 0.2 < found.share < 0.8
    assert found.misses == {"ttft": 64 - found.met, "failed": 0}
