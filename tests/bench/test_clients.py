"""Chunks to token events and counts, without a network."""

from __future__ import annotations

import pytest

from zephyr_deploy.bench.clients.chunks import ChatProgress
from zephyr_deploy.bench.failures import kind_of
from zephyr_deploy.bench.sample import Sample, TokenEvent
from zephyr_deploy.errors import DeadlineError, IncompleteError, RequestError, UnauthorizedError


def choice(text=None, finish=None, **more):
    return {"choices": [{"index": 0, "delta": {"role": "assistant", "content": text, **more}, "finish_reason": finish}]}


def played(*chunks):
    progress = ChatProgress(Sample(taken_ns=0))
    for at, chunk in enumerate(chunks):
        progress.take(chunk, at)
    return progress


def test_role_finish_and_usage_are_no_tokens():
    usage = {"prompt_tokens": 9, "completion_tokens": 2}
    answer = played(
        choice(""), choice(None), choice("a"), choice("b"), choice("", "stop"), {"choices": [], "usage": usage}
    )
    assert list(answer.sample.events) == [TokenEvent(2, None), TokenEvent(3, None)]
    assert (answer.sample.prompt_tokens, answer.sample.generated_tokens) == (9, 2)
    answer.end()


def test_thoughts_are_tokens():
    answer = played(choice(None, reasoning_content="hm"), choice("a"))
    assert [event.at_ns for event in answer.sample.events] == [0, 1]


def test_running_usage_says_how_many_tokens_an_event_carries():
    answer = played(*({**choice("x"), "usage": {"completion_tokens": n}} for n in (1, 4, 4, 9)))
    assert [event.tokens for event in answer.sample.events] == [1, 3, None, 5]


def test_no_finish_reason_is_no_answer():
    with pytest.raises(IncompleteError, match="after 1 pieces"):
        played(choice("a"), {"choices": [], "usage": {"completion_tokens": 1}}).end()


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (RequestError("x", error_type="broken"), "broken"),
        (RequestError("x"), "request_failed"),
        (UnauthorizedError("x", status=401, error_type="other"), "unauthorized"),
        (DeadlineError("x"), "deadline"),
    ],
)
def test_kinds(error, kind):
    assert kind_of(error) == kind
