"""The streams of the engines, each in its own shape, say the same answer however they are cut.

No such server was at hand. The first line of each file says where its shape is from: the engine's source, or a log that
somebody else posted; the texts are ours.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from bench.wire.answers import CHUNKED, END, HEAD, chunk, cut_at, decoded
from hypothesis import given, settings
from hypothesis import strategies as st

from zephyr_deploy.bench.clients.chunks import ChatProgress, NativeProgress
from zephyr_deploy.bench.failures import kind_of
from zephyr_deploy.errors import ZephyrError

STREAMS = Path(__file__).with_name("streams")
TEXT = " Tokyo (東京)."
WHOLE = {
    "tgi-3-native": (6, 9, 7),
    "tgi-1-native": (6, None, 6),
    "tgi-chat": (6, 9, 7),
    "tgi-completions": (6, 9, 7),
    "vllm-chat": (6, 9, 6),
    "vllm-chat-running-usage": (3, 9, 6),
    "vllm-chat-thoughts": (8, 9, 8),
    "vllm-completions": (6, 9, 6),
    "sglang-chat": (6, 9, 6),
    "sglang-completions": (6, 9, 6),
    "llamacpp-chat": (6, 9, 6),
    "llamacpp-completions": (6, 9, 6),
}
"""Events with tokens, prompt tokens, output tokens. TGI counts the end of sequence, which has no text."""
FAILED = {
    "tgi-native-error": "overloaded",
    "tgi-native-oom-error": "generation",
    "tgi-chat-error": "overloaded",
    "vllm-chat-error": "InternalServerError",
    "sglang-chat-error": "SERVICE_UNAVAILABLE",
    "llamacpp-chat-error": "server_error",
    "llamacpp-old-chat-error": "incomplete",
}
"""As what it is counted."""


def stream(name):
    return (STREAMS / f"{name}.sse").read_bytes()


def progress_of(name):
    return NativeProgress if "native" in name else ChatProgress


def chunked(body, sizes):
    """The body in chunks of HTTP that know nothing of its events."""
    return CHUNKED + b"".join(map(chunk, cut_at(body, sizes))) + END


def check(name, pieces):
    sample = decoded(pieces, progress=progress_of(name))
    assert sample.text == TEXT
    assert (len(sample.events), sample.prompt_tokens, sample.tokens) == WHOLE[name]


def test_every_file_is_looked_at():
    assert {path.stem for path in STREAMS.iterdir()} == {*WHOLE, *FAILED}


@pytest.mark.parametrize("name", WHOLE)
@settings(max_examples=20)
@given(st.sets(st.integers(1, 2500), max_size=20), st.sets(st.integers(1, 3000), max_size=20))
def test_the_answer_however_it_is_chunked_and_however_it_is_read(name, chunks, reads):
    check(name, cut_at(chunked(stream(name), chunks), reads))


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("end", [b"\r\n", b"\r"])
def test_other_line_ends_byte_by_byte(name, end):
    body = stream(name).replace(b"\n", end)
    check(name, [bytes([byte]) for byte in chunked(body, range(7, len(body), 7))])
    check(name, [HEAD + b"Content-Length: %d\r\n\r\n" % len(body), body])


def test_tokens_of_an_event_are_those_that_the_running_count_says():
    sample = decoded([chunked(stream("vllm-chat-running-usage"), ())])
    assert [event.tokens for event in sample.events] == [2, 1, 3]


@pytest.mark.parametrize("name", FAILED)
@settings(max_examples=10)
@given(st.sets(st.integers(1, 800), max_size=12))
def test_an_error_in_a_200_is_one(name, reads):
    with pytest.raises(ZephyrError) as caught:
        decoded(cut_at(chunked(stream(name), ()), reads), progress=progress_of(name))
    assert kind_of(caught.value) == FAILED[name]
