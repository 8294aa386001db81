"""Bytes to events to counts, without a network."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zephyr_deploy.bench.clients.chunks import ChatProgress
from zephyr_deploy.bench.clients.wire import DataLines, error_in, error_of
from zephyr_deploy.bench.failures import kind_of
from zephyr_deploy.bench.sample import Sample, TokenEvent
from zephyr_deploy.errors import DeadlineError, IncompleteError, RequestError, UnauthorizedError

STREAM = b'data: {"a":1}\n\n:\n\nevent: x\r\ndata:{"b":"\xc3\xa9"}\r\n\r\nid: 4\ndata: [DONE]\n\n'


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_lines_do_not_depend_on_where_the_bytes_are_cut(cuts):
    edges = [0, *sorted(cuts), len(STREAM)]
    lines = DataLines()
    found = [line for a, b in itertools.pairwise(edges) for line in lines.feed(STREAM[a:b])]
    assert found == [b'{"a":1}', '{"b":"é"}'.encode(), b"[DONE]"]


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
    assert answer.sample.events == [TokenEvent(2, None), TokenEvent(3, None)]
    assert (answer.sample.prompt_tokens, answer.sample.generated_tokens) == (9, 2)
    answer.refuse_unfinished()


def test_thoughts_are_tokens():
    answer = played(choice(None, reasoning_content="hm"), choice("a"))
    assert [event.at_ns for event in answer.sample.events] == [0, 1]


def test_running_usage_says_how_many_tokens_an_event_carries():
    answer = played(*({**choice("x"), "usage": {"completion_tokens": n}} for n in (1, 4, 4, 9)))
    assert [event.tokens for event in answer.sample.events] == [1, 3, None, 5]


def test_no_finish_reason_is_no_answer():
    with pytest.raises(IncompleteError, match="after 1 token"):
        played(choice("a"), {"choices": [], "usage": {"completion_tokens": 1}}).refuse_unfinished()


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, "", "unauthorized"),
        (429, '{"error":"Model is overloaded","error_type":"overloaded"}', "overloaded"),
        (422, '{"error":"Input validation error: too long","error_type":"validation"}', "invalid_request"),
        (400, '{"error":{"message":"too long","type":"exceed_context_size_error"}}', "invalid_request"),
        (422, "Failed to deserialize the JSON body", "invalid_request"),
        (424, '{"error":"CUDA out of memory","error_type":"generation"}', "generation"),
        (500, "<html>oops</html>", "http_500"),
        (503, "[1]", "http_503"),
    ],
)
def test_a_refusal_is_counted_as_what_it_is(status, body, kind):
    error = error_of(status, body)
    assert kind_of(error) == kind
    assert error.message
    assert error.status == status


@pytest.mark.parametrize(
    ("chunk", "kind"),
    [
        ({"error": {"message": "Model is overloaded", "http_status_code": 422}}, "overloaded"),
        ({"error": {"message": "Input validation error", "http_status_code": 422}}, "invalid_request"),
        ({"error": {"message": "bad", "type": "server_error", "code": 500}}, "server_error"),
        ({"error": "Request failed during generation", "error_type": "generation"}, "generation"),
    ],
)
def test_an_error_inside_a_stream_is_counted_as_what_it_is(chunk, kind):
    assert kind_of(error_in(json.loads(json.dumps(chunk)))) == kind


def test_no_error_in_an_ordinary_chunk():
    assert error_in(choice("a")) is None
    assert error_in({**choice("a"), "error": None}) is None


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
