"""The fast way to read an answer says exactly what h11 and a JSON parser say of the same bytes, whatever they are."""

from __future__ import annotations

import json
from copy import deepcopy

import pytest
from bench.wire.answers import CHUNKED, END, HEAD, chat_event, chunk, cut_at, event, recorded
from hypothesis import given, settings
from hypothesis import strategies as st

from zephyr_deploy.bench.clients.chunks import ChatProgress, NativeProgress
from zephyr_deploy.bench.sample import Sample
from zephyr_deploy.bench.wire.decode import decode
from zephyr_deploy.bench.wire.shapes import MOST, Shapes
from zephyr_deploy.bench.wire.strict import read_strictly
from zephyr_deploy.errors import RequestError

USAGE = {"prompt_tokens": 3, "completion_tokens": 5}


def chat(text, finish=None, **more):
    delta = {"role": "assistant", "content": text}
    return {"id": "x-1", "created": 17, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more}


def completion(text, finish=""):
    return {"choices": [{"index": 0, "text": text, "finish_reason": finish}], "usage": None}


def native(text, special=False, final=None):
    token = {"id": 5, "text": text, "logprob": -0.5, "special": special}
    return {"index": 1, "token": token, "generated_text": final and "all", "details": final}


def thoughts(text):
    return {"choices": [{"delta": {"content": None, "reasoning_content": text}}]}


FINAL = {"finish_reason": "length", "generated_tokens": 5, "input_length": 3}
TEXTS = st.text(max_size=4) | st.sampled_from(
    [" a", "assistant", '"', "\\", "\n\n", "\r", "\ufeff", "?!", "17", "[DONE]"]
)
CHOICES = (
    b'{"text":"\xff"}', b'{"text":"\t"}', b'{"text":"a","n":12345678901234567890123}', b'{"text":"a","n":0,"n":-1}',
    b'{"text":"a","n":00}', b'{"delta":0,"text":"a"}', b'{"delta":7,"text":"a"}', b'{"text":"a","text":"b"}', b'"x"',
    b'{"text":"a\\u12g4"}', b'{"text":"a\\u0041"}', b'{"text":"a"}],"usage":0,"x":[',
    b'{"text":"a"}],"usage":1,"x":[',
)  # fmt: skip
ODD = st.sampled_from(
    [
        b":\n\n", b"\n", b"data: [DONE]\n\n", b"data:[DONE]", b"data: {\n\n", b"data: [1]\n\n", b"event: x\n\n",
        b'data: {"error":"Model is overloaded","error_type":"overloaded"}\n\n', b"data: {}\ndata: \n\n",
        b"\r\n", b"\xef\xbb\xbf",
        b"data: {}", b"retry: 5\ndata: {}\n\n", *(b'data: {"choices":[%s]}\n\n' % choice for choice in CHOICES),
    ]
)  # fmt: skip
EVENTS = {
    ChatProgress: st.one_of(
        *(TEXTS.map(made) for made in (chat, completion, thoughts)),
        TEXTS.map(lambda text: chat(text, usage=USAGE)),
        st.integers().map(lambda number: chat("b", created=number, object="o" * (number % 3))),
        st.sampled_from([chat("", "stop"), chat("", "abort"), {"choices": [], "usage": USAGE}]),
    ),
    NativeProgress: st.one_of(
        TEXTS.map(native),
        TEXTS.map(lambda text: native(text, special=True)),
        st.sampled_from([native("z", final=FINAL), native("q", special=0), {"index": 1}]),
    ),
}


def written(one):
    if isinstance(one, bytes):
        return one
    data, plain, tight = one
    separators = (",", ":") if tight else None
    return b"data: " + json.dumps(data, ensure_ascii=plain, separators=separators).encode("utf-8", "replace") + b"\n\n"


def said(read, recording, progress):
    """Everything that a way of reading tells of an answer."""
    sample = Sample(taken_ns=0)
    try:
        for _ in read(recording, progress(sample)):
            pass
    except RequestError as error:
        sample.failure = (type(error), error.message, error.error_type, error.hint)
    return list(sample.events), sample.text, sample.prompt_tokens, sample.generated_tokens, sample.failure


def check(pieces, progress):
    recording, shapes = recorded(pieces), Shapes()
    strictly = said(read_strictly, recording, progress)
    for _ in range(2):  # as to the first of a server's answers, and to one of known shapes
        assert said(lambda *args: decode(*args, shapes), recording, progress) == strictly
    return strictly


SELDOM = st.sampled_from([False] * 7 + [True])


@st.composite
def answers(draw, progress):
    """Mostly plain ones, with at most one oddity of each sort; cut anywhere, and where line ends are."""
    parts = draw(st.lists(st.tuples(EVENTS[progress], st.booleans(), st.booleans()), max_size=9))
    parts.insert(draw(st.integers(0, len(parts))), draw(ODD if draw(SELDOM) else st.sampled_from([b":\n\n", b""])))
    body = b"".join(map(written, parts))
    if draw(st.booleans()):
        body += b"".join(map(event, [chat("", "stop"), {"choices": [], "usage": USAGE}, b"[DONE]"]))
    if draw(SELDOM):
        body = body.replace(b"\n", b"\r\n")
    chunks = cut_at(body, draw(st.sets(st.integers(1, len(body) + 1), max_size=12))) if body else []
    end = draw(st.sampled_from([b"0\r\nX-Sum: 1\r\n\r\n", b"", b"zz\r\n", END + b"more"])) if draw(SELDOM) else END
    head = (
        draw(st.sampled_from([HEAD + b"\r\n", b"HTTP/1.1 100 Continue\r\n\r\n" + CHUNKED])) if draw(SELDOM) else CHUNKED
    )
    answer = head + b"".join(map(chunk, chunks)) + end
    line_ends = [place for place in range(1, len(answer)) if answer[place - 1] == ord("\n")]
    places = st.integers(1, len(answer) - 1) | st.sampled_from(line_ends)
    return cut_at(answer, draw(st.sets(places, max_size=25)))


@settings(max_examples=150)
@given(st.data(), st.sampled_from([ChatProgress, NativeProgress]))
def test_the_fast_way_says_what_the_strict_way_says(data, progress):
    check(data.draw(answers(progress)), progress)


@pytest.mark.parametrize("text", ["a", "漢", "🙂", 'say "hi"\n', "\\u00e9", "assistant"])
def test_plain_events_are_known_by_their_shape(text, monkeypatch):
    body = [chat(text, created=number, id=f"x-{number}") for number in range(40)]
    pieces = [CHUNKED, *(chunk(event(one)) for one in body), chunk(chat_event("", "stop")), END]
    parsed, take = [], ChatProgress.take
    events, *_ = check(pieces, ChatProgress)
    monkeypatch.setattr(ChatProgress, "take", lambda self, *args: (parsed.append(args), take(self, *args)))
    assert said(lambda *args: decode(*args, Shapes()), recorded(pieces), ChatProgress)[0] == events
    assert len(parsed) == 2  # the first one, and the last
    assert len(events) == 40


def test_of_a_server_with_ever_other_shapes_few_are_kept():
    shapes = Shapes()
    for number in range(3 * MOST):
        one = deepcopy(chat("a"))
        one[f"key-{number}"] = None
        list(
            decode(
                recorded([CHUNKED, chunk(event(one)), chunk(chat_event("", "stop")), END]),
                ChatProgress(Sample(0)),
                shapes,
            )
        )
    assert len(shapes._shapes) == MOST
