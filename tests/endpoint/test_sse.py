"""Events come out whole, however the bytes are cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zephyr_deploy.endpoint.sse import SseParser

TEXT = st.text(st.characters(exclude_characters="\r\n", exclude_categories=("Cs",)), min_size=1, max_size=12)


def parse(pieces):
    parser = SseParser()
    return [event for piece in pieces for event in parser.feed(piece)] + parser.end()


@pytest.mark.parametrize(
    ("raw", "events"),
    [
        (b'data: {"a":1}\n\n', ['{"a":1}']),
        (b'data:{"a":1}\n\n', ['{"a":1}']),  # axum 0.6, TGI up to 2.0
        (b"data:  two spaces\n\n", [" two spaces"]),
        (b":\n\ndata: x\n\n:\n\n", ["x"]),  # TGI's keep-alive
        (b": ping\ndata: x\n\n", ["x"]),
        (b"data: a\ndata: b\n\n", ["a\nb"]),
        (b"data: a\r\n\r\ndata: b\r\n\r\n", ["a", "b"]),
        (b"data: a\r\rdata: b\r\r", ["a", "b"]),
        (b"event: x\nid: 7\nretry: 10\ndata: a\n\n", ["a"]),
        (b"\xef\xbb\xbfdata: a\n\n", ["a"]),
        (b"data\n\n", [""]),
        (b"database: a\n\n", []),
        (b"data: a\n\ndata: [DONE]", ["a", "[DONE]"]),
        (b"data: \xff\n\n", ["\ufffd"]),
        (b"", []),
    ],
)
def test_one_form_each(raw, events):
    assert parse([raw]) == events


@given(st.lists(TEXT, max_size=6), st.sampled_from(["\n", "\r\n", "\r"]), st.booleans(), st.data())
def test_every_cut_gives_the_same_events(texts, end, space, data):
    prefix = "data: " if space else "data:"
    # Without the space that the parser takes off, a text must not begin with one.
    texts = [text if space else "." + text for text in texts]
    raw = "".join(f":{end}{end}{prefix}{text}{end}{end}" for text in texts).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=12)))
    pieces = [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    assert parse(pieces) == texts


@given(TEXT, st.sampled_from([b"\n", b"\r\n", b"\r"]))
def test_byte_by_byte(text, end):
    raw = b"data: " + text.encode() + end + end
    assert parse([raw[i : i + 1] for i in range(len(raw))]) == [text]


def test_an_event_comes_as_soon_as_it_is_complete():
    parser = SseParser()
    assert parser.feed(b"data: a\n") == []
    assert parser.feed(b"\ndata: b") == ["a"]
    assert parser.feed(b"\n\n") == ["b"]
