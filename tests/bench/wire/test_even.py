"""Answers that come token by token are read at one go, and say what the strict way says of them."""

from __future__ import annotations

import pytest
from bench.wire.answers import CHUNKED, END, chat_event, chunk, event, recorded
from bench.wire.test_skim import FINAL, USAGE, chat, check, native, said
from hypothesis import given, settings
from hypothesis import strategies as st

from zephyr_deploy.bench.clients.chunks import ChatProgress, NativeProgress
from zephyr_deploy.bench.wire.decode import decode
from zephyr_deploy.bench.wire.even import MOST_OTHERS, evenly
from zephyr_deploy.bench.wire.shapes import Shapes

ROLE = {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]}
LAST = [chunk(chat_event("", "length")), chunk(event({"choices": [], "usage": USAGE})), chunk(event(b"[DONE]")), END]
TOKENS = [chunk(event(chat(text))) for text in (" a", "bc", " d", "ö", " a much longer one, of many letters" * 8)]


def numbered(count):
    return [chunk(event(chat("t", created=number, id=f"x-{number}"))) for number in range(count)]


def shapes_of(pieces, progress=ChatProgress):
    """What is known of a server after this answer."""
    shapes = Shapes()
    said(lambda *args: decode(*args, shapes), recorded(pieces), progress)
    return shapes


EVEN = {
    "each by a read": [CHUNKED, *TOKENS, b"".join(LAST)],
    "the role before them, the end in pieces": [CHUNKED, chunk(event(ROLE)), *TOKENS, *LAST],
    "with the head": [CHUNKED + TOKENS[0], *TOKENS, b"".join(LAST)],
    "of other numbers and names": [CHUNKED, *numbered(9), b"".join(LAST)],
    "some together": [CHUNKED, *TOKENS, b"".join(TOKENS), *TOKENS, *LAST],
    "some cut": [
        CHUNKED, *TOKENS, TOKENS[0][:40], TOKENS[0][40:], TOKENS[0][:-2], TOKENS[0][-2:], *TOKENS, *TOKENS, *LAST
    ],
    "the first and the last cut within the role and the usage": [
        CHUNKED, chunk(event(ROLE)[:30]), chunk(event(ROLE)[30:]), *TOKENS, *map(chunk, (b"data: ", b"[DONE]\n\n")), END
    ],
}  # fmt: skip


@pytest.mark.parametrize("pieces", EVEN.values(), ids=EVEN)
def test_at_one_go(pieces):
    assert evenly(recorded(pieces), shapes_of(pieces)) is not None
    check(pieces, ChatProgress)


def test_native():
    pieces = [CHUNKED, *(chunk(event(native(text))) for text in "abcdef"), chunk(event(native("g", final=FINAL))), END]
    assert evenly(recorded(pieces), shapes_of(pieces, NativeProgress)) is not None
    check(pieces, NativeProgress)


ODD = {
    "many others before": [CHUNKED, *[chunk(event(ROLE))] * (MOST_OTHERS + 1), *TOKENS, *LAST],
    "many others behind": [CHUNKED, *TOKENS, *[chunk(event(ROLE))] * (MOST_OTHERS + 1), *LAST],
    "another among them": [CHUNKED, *TOKENS, chunk(event(ROLE)), *TOKENS, *LAST],
    "a wrong size": [CHUNKED, *TOKENS, b"f" + TOKENS[0][1:], *TOKENS, *LAST],
    "no size": [CHUNKED, *TOKENS, b"+" + TOKENS[0], *TOKENS, *LAST],
    "the role not over": [CHUNKED, chunk(event(ROLE)[:-1]), *TOKENS, *LAST],
    "more behind the end": [CHUNKED, *TOKENS, *LAST, b"more"],
    "no chunks": [CHUNKED.replace(b"chunked", b"gzip"), *TOKENS, *LAST],
    "not OK": [CHUNKED.replace(b"200 OK", b"500 Oh"), *TOKENS, *LAST],
    "an end without an end": [CHUNKED, *TOKENS, *LAST[:-1]],
}


@pytest.mark.parametrize("pieces", ODD.values(), ids=ODD)
def test_not_at_one_go(pieces):
    assert evenly(recorded(pieces), shapes_of([CHUNKED, *TOKENS, *LAST])) is None
    check(pieces, ChatProgress)


def test_a_mark_of_byte_order_is_one_at_the_beginning_alone():
    check([CHUNKED, *TOKENS, chunk("\ufeffdata: {}\n\n".encode()), *LAST], ChatProgress)


@settings(max_examples=150)
@given(
    st.data(),
    st.sampled_from(["each by a read", "of other numbers and names", "the role before them, the end in pieces"]),
)
def test_whatever_byte_is_another(data, which):
    pieces = list(EVEN[which])
    place = data.draw(st.integers(0, len(pieces) - 1))
    at = data.draw(st.integers(0, len(pieces[place]) - 1))
    byte = data.draw(st.binary(min_size=1, max_size=1) | st.sampled_from([b'"', b"\\", b"\n", b"\r", b"0", b"\x01"]))
    changed = pieces[place][:at] + byte + pieces[place][at + 1 :]
    odd = [*pieces[:place], changed, *pieces[place + 1 :]]
    shapes = shapes_of(pieces)
    assert said(lambda *args: decode(*args, shapes), recorded(odd), ChatProgress) == check(odd, ChatProgress)
