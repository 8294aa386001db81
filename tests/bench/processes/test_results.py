from __future__ import annotations

import json
from dataclasses import fields

import pytest

from zephyr_deploy import errors
from zephyr_deploy.bench.driven import Driven
from zephyr_deploy.bench.processes.results import PLAIN, error_in, merged, packed, packed_error, unpacked
from zephyr_deploy.bench.sample import Events, Sample, TokenEvent
from zephyr_deploy.bench.watch import LoopWatch


def sample(taken_ns, **more):
    return Sample(taken_ns, ended_ns=taken_ns + 9, **more)


def test_samples_come_back_as_they_were():
    events = [TokenEvent(10, None, 3), TokenEvent(20, 4, None), TokenEvent(20, None, 0)]
    full = sample(1, conversation=4, turn=1, due_ns=0, sent_ns=2, connect_ns=3, rtt_ns=4, prompt_tokens=5)
    full.generated_tokens, full.events = 6, Events(events)
    failed = sample(7, failure=errors.OverloadedError("busy", status=429, error_type="overloaded", hint="wait"))
    back = unpacked(packed(Driven([full, failed], LoopWatch([1.5], 0.25, 0.25))))
    first, second = back.samples
    assert [getattr(first, name) for name in PLAIN] == [getattr(full, name) for name in PLAIN]
    assert list(first.events) == events
    assert list(second.events) == []
    assert back.watch == LoopWatch([1.5], 0.25, 0.25)
    error = second.failure
    assert type(error) is errors.OverloadedError
    assert (error.message, error.status, error.error_type, error.hint) == ("busy", 429, "overloaded", "wait")


def test_all_of_a_sample_is_kept_but_what_answers_said():
    assert {field.name for field in fields(Sample)} == {*PLAIN, "events", "failure", "text"}


@pytest.mark.parametrize("kind", errors.__all__)
def test_every_error_comes_back_as_its_kind(kind):
    error = getattr(errors, kind)("it broke", hint="mend it")
    back = error_in(packed_error(error, ""))
    assert (type(back), back.message, back.hint, back.details) == (type(error), "it broke", "mend it", error.details)


def test_an_error_of_another_version_is_a_plain_one():
    said = {"error": {"kind": "os.system", "message": "m", "hint": None, "details": {}}}
    assert type(error_in(json.dumps(said).encode())) is errors.ZephyrError


def test_what_nobody_expected_comes_back_as_text():
    assert error_in(packed_error(KeyError("x"), "Traceback\nKeyError: 'x'")) == "Traceback\nKeyError: 'x'"
    assert error_in(packed(Driven())) is None


@pytest.mark.parametrize("cut", [0, 5, -1])
def test_half_of_the_results_are_none(cut):
    whole = packed(Driven([Sample(1, events=Events([TokenEvent(1, None)]))]))
    with pytest.raises(ValueError, match=r"whole|Expecting|Unterminated"):
        unpacked(whole[:cut])


def test_merged_as_if_one_process_had_done_it():
    first = Driven([sample(10, conversation=0), sample(30, conversation=2)], LoopWatch([1], 0.2, 0.2))
    second = Driven([sample(20, conversation=1)], LoopWatch([5], 0.5, 0.5))
    both = merged([first, second])
    assert [(s.number, s.taken_ns, s.conversation) for s in both.samples] == [(0, 10, 0), (1, 20, 1), (2, 30, 2)]
    assert both.watch == LoopWatch([1, 5], cpu_share=0.7, busiest_share=0.5, processes=2)
