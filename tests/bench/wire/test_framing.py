"""The end of an answer is seen with its last byte, not before and not after, however it is cut."""

from __future__ import annotations

import pytest
from bench.wire.answers import CHUNKED, HEAD, chat, chat_body, cut_at, plain
from hypothesis import given
from hypothesis import strategies as st

from zephyr_deploy.bench.wire.framing import LONGEST_HEAD, Framing


class Fed(Framing):
    """Takes an answer piece by piece."""

    def __init__(self):
        super().__init__()
        self.came = []

    def feed(self, data):
        self.came.append(data)
        return self.follow(self.came)


TRAILERS = CHUNKED + b"3;why=so\r\nabc\r\n0\r\nX-Sum: 1\r\nX-More: 2\r\n\r\n"
CRLF_EVENTS = CHUNKED + b"c\r\ndata: {}\r\n\r\n\r\n10\r\n\r\n0\r\n\r\n\r\n0\r\n\r\nab\r\n0\r\n\r\n"
WHOLE = {
    "chat": chat("a", "ü"),
    "trailers": TRAILERS,
    "looks like its end inside": CRLF_EVENTS,
    "length": plain(b"429 Too Many", b"{}"),
    "empty": plain(b"401 Unauthorized"),
    "no content": b"HTTP/1.1 204 No Content\r\n\r\n",
    "continue": b"HTTP/1.1 100 Continue\r\n\r\n" + plain(b"500 Oh", b"no"),
    "bare line ends": b"HTTP/1.1 200 OK\ntransfer-encoding: Chunked\n\n1\r\na\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("answer", WHOLE.values(), ids=WHOLE)
@given(places=st.sets(st.integers(1, 400), max_size=12))
def test_over_with_the_last_byte_and_reusable(answer, places):
    framing = Fed()
    *before, last = cut_at(answer, places)
    assert not any(map(framing.feed, before))
    assert framing.feed(last)
    assert framing.reusable


@pytest.mark.parametrize("answer", WHOLE.values(), ids=WHOLE)
def test_byte_by_byte(answer):
    framing = Fed()
    assert [framing.feed(bytes([byte])) for byte in answer] == [False] * (len(answer) - 1) + [True]


def test_announcements_without_end_are_passed_over():
    framing = Fed()
    assert not framing.feed(b"HTTP/1.1 100 Continue\r\n\r\n" * 2000)
    assert framing.feed(plain(b"200 OK", b"ab"))
    assert framing.reusable


@pytest.mark.parametrize("answer", [plain(b"200 OK", b"ab") + b"c", chat("a") + b"HTTP/1.1 200 OK"])
def test_what_follows_the_end_spoils_the_connection(answer):
    framing = Fed()
    assert framing.feed(answer)
    assert not framing.reusable


@pytest.mark.parametrize(
    "answer", [plain(b"200 OK", b"ab", b"Connection: Close"), plain(b"200 OK").replace(b"1.1", b"1.0")]
)
def test_the_server_keeps_no_connection(answer):
    framing = Fed()
    assert framing.feed(answer)
    assert not framing.reusable


@given(places=st.sets(st.integers(1, 400), max_size=12))
def test_without_length_or_chunks_the_end_is_done_or_the_close(places):
    said = HEAD + b"\r\n" + b"".join(chat_body("says data: [DONE] inside", "b"))
    *before, last = cut_at(said, {place for place in places if place < len(said) - 2})
    framing = Fed()
    assert not any(map(framing.feed, before))
    assert framing.feed(last)
    assert (framing.until_close, framing.reusable) == (True, False)


def test_done_may_be_all_there_is():
    framing = Fed()
    assert framing.feed(HEAD + b"\r\ndata: [DONE]\n\n")


@pytest.mark.parametrize(
    "garbage",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"<html>\n\n",
        b"\r\n\r\n",
        CHUNKED + b"xyz\r\n",
        CHUNKED + b"-5\r\n",
        CHUNKED + b"1" * 5000,
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * (LONGEST_HEAD // 6 + 1),
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    ],
)
def test_what_can_never_end_is_given_up(garbage):
    framing = Fed()
    assert framing.feed(garbage)
    assert (framing.broken, framing.reusable) == (True, False)
