"""What was recorded becomes the same events, text and counts however it was cut, each with its own read's time."""

from __future__ import annotations

import pytest
from bench.wire.answers import CHUNKED, END, HEAD, chat, chat_body, chat_event, chunk, cut_at, decoded, event, plain
from hypothesis import given, settings
from hypothesis import strategies as st

from zephyr_deploy.bench.clients.chunks import NativeProgress
from zephyr_deploy.endpoint.faults import cut
from zephyr_deploy.errors import IncompleteError, InvalidRequestError, OverloadedError, RequestError, UnauthorizedError

TEXTS = (" a", "ü", " 漢字", "🙂", '"error"', "\r\n", " data: [DONE]")
ANSWER = chat(*TEXTS)


@settings(max_examples=50)
@given(places=st.sets(st.integers(1, len(ANSWER) - 1), max_size=40))
def test_every_cut_gives_the_same_answer(places):
    pieces = cut_at(ANSWER, places)
    sample = decoded(pieces)
    assert sample.text == "".join(TEXTS)
    assert (len(sample.events), sample.prompt_tokens, sample.generated_tokens) == (len(TEXTS), 3, len(TEXTS))
    ends = [ANSWER.index(chat_event(text)) + len(chat_event(text)) for text in TEXTS]
    sizes = [0]
    for piece in pieces:
        sizes.append(sizes[-1] + len(piece))
    # The read that brought an event's last byte is the one whose time it has: read n came at n ms.
    assert [one.at_ns // 1_000_000 for one in sample.events] == [
        next(number for number, size in enumerate(sizes) if size >= end) for end in ends
    ]


def test_byte_by_byte():
    assert decoded([bytes([byte]) for byte in ANSWER]).text == "".join(TEXTS)


def test_a_megabyte_in_one_chunk():
    text = "ü" * 500_000
    assert decoded(cut_at(chat(text), range(65536, 10**7, 65536))).text == text


def test_ten_thousand_tokens():
    sample = decoded([CHUNKED, *map(chunk, chat_body(*[" t"] * 10_000)), END])
    assert (len(sample.events), sample.tokens, len(sample.text)) == (10_000, 10_000, 20_000)
    assert list(sample.events.at_ns[:2]) == [2_000_000, 3_000_000]


def test_until_the_connection_closes():
    assert decoded([HEAD + b"\r\n", *chat_body("a", "b")]).text == "ab"


def test_the_blank_line_behind_done_may_be_missing():
    body = b"".join(chat_body("a"))[:-2]
    assert decoded([CHUNKED + chunk(body) + END]).text == "a"


@pytest.mark.parametrize(
    ("pieces", "error", "said"),
    [
        ([plain(b"429 X", b'{"error":"Model is full","error_type":"overloaded"}')], OverloadedError, "is full"),
        ([plain(b"401 X")], UnauthorizedError, "API key"),
        ([plain(b"422 X", b"Failed to deserialize")], InvalidRequestError, "Failed to deserialize"),
        ([CHUNKED, chunk(event({"error": {"message": "Model is overloaded"}})), END], OverloadedError, "overloaded"),
        ([CHUNKED, chunk(chat_event("a")), END], IncompleteError, "after 1 pieces"),
        ([plain(b"200 OK", b"<html>hello</html>")], IncompleteError, "after 0 pieces"),
        ([CHUNKED, chunk(b"data: {no\n\n"), END], RequestError, "not JSON"),
        ([CHUNKED, chunk(b"data: [1]\n\n"), END], RequestError, "not an object"),
        ([CHUNKED, chunk(b'data: {"choices": ["x"]}\n\n'), END], RequestError, "form of its protocol"),
        ([CHUNKED, b"xyz\r\n"], RequestError, "not HTTP"),
        ([CHUNKED, chunk(chat_event("a"))], IncompleteError, "cut"),
        ([plain(b"200 OK", b"data: {}")[:-2]], IncompleteError, "cut"),
        ([], IncompleteError, "cut"),
    ],
)  # fmt: skip
def test_failures(pieces, error, said):
    with pytest.raises(error, match=said):
        decoded(pieces)


def test_a_cut_connection_keeps_the_tokens_before_it_and_what_the_server_said_goes_first():
    with pytest.raises(IncompleteError, match="ConnectionResetError"):
        decoded([CHUNKED, chunk(chat_event("a"))], cut(ConnectionResetError()))
    with pytest.raises(InvalidRequestError, match="too large"):
        decoded([plain(b"413 X", b"too large")], cut(BrokenPipeError()))


def native(number, text="t", special=False, **final):
    token = {"id": number, "text": text, "logprob": -1.0, "special": special}
    return chunk(event({"index": number, "token": token, "generated_text": None, "details": None, **final}))


def test_native_counts_what_has_text():
    last = {"generated_text": "ab", "details": {"finish_reason": "eos_token", "generated_tokens": 3, "input_length": 7}}
    pieces = [CHUNKED, native(1, "a"), native(2, "b"), native(3, "</s>", special=True, **last), END]
    sample = decoded(pieces, progress=NativeProgress)
    assert [one.at_ns for one in sample.events] == [2_000_000, 3_000_000]
    assert (sample.text, sample.generated_tokens, sample.prompt_tokens) == ("ab", 3, 7)


@pytest.mark.parametrize(
    ("pieces", "error"),
    [
        ([CHUNKED, native(1), END], IncompleteError),
        ([CHUNKED, chunk(event({"error": "x", "error_type": "generation"})), END], RequestError),
        ([CHUNKED, chunk(event({"index": 1})), END], RequestError),
    ],
)
def test_native_failures(pieces, error):
    with pytest.raises(error):
        decoded(pieces, progress=NativeProgress)
