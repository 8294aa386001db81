"""The body of an answer that came as almost all do: 200, in chunks, to its very end. Pure.

Everything else is left to h11, which reads any answer and takes several times as long (see `strict`).
"""

from __future__ import annotations

from bisect import bisect
from functools import lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

import h11

from zephyr_deploy.bench.wire.chunked import LINE_END, plain_chunks
from zephyr_deploy.bench.wire.framing import LONGEST_HEAD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zephyr_deploy.bench.wire.chunked import Chunks
    from zephyr_deploy.bench.wire.recording import Recording

OK = 200
KNOWN_HEADS = 64
"""A server says the same head again and again, but for the second in it."""
_HEAD_END = b"\r\n\r\n"
_ASKED = h11.Request(method="POST", target="/", headers=[("Host", "server")])


class Body(NamedTuple):
    """What was in the chunks, and after each read how many bytes of that had come."""

    data: bytes
    came: Sequence[int]


def after_request() -> h11.Connection:
    """An h11 that waits for an answer."""
    http = h11.Connection(h11.CLIENT, max_incomplete_event_size=LONGEST_HEAD)
    http.send(_ASKED)
    http.send(h11.EndOfMessage())
    return http


def body_of(recording: Recording) -> Body | None:
    """The body, or None where it is not as plain as that."""
    head, rest = head_and_rest(b"".join(recording.reads))
    chunks = plain_chunks(rest) if recording.failure is None and announces_chunks(head) else None
    if chunks is None:
        return None
    ends = list(accumulate(map(len, recording.reads)))
    return Body(b"".join(chunks.data), _came(ends, chunks, len(head)))


def head_and_rest(answer: bytes) -> tuple[bytes, bytes]:
    """An answer's head, with the line that ends it, and what has come behind it; empty where that line is lacking."""
    head, end, rest = answer.partition(_HEAD_END)
    return (head + end, rest) if end else (b"", b"")


@lru_cache(KNOWN_HEADS)
def announces_chunks(head: bytes) -> bool:
    """Whether h11 takes this for the head of a whole answer of 200 in chunks."""
    http = after_request()
    try:
        http.receive_data(head)
        event = http.next_event()
    except h11.RemoteProtocolError:
        return False
    if not isinstance(event, h11.Response) or event.status_code != OK:
        return False
    chunked = any(name == b"transfer-encoding" and value.lower() == b"chunked" for name, value in event.headers)
    return chunked and http.trailing_data == (b"", False)


def _came(read_ends: Sequence[int], chunks: Chunks, at: int) -> list[int]:
    """How many bytes of the chunks' data each read completes, of reads that end at such places in the answer.

    The body begins ``at`` a place in it.
    """
    lengths = list(map(len, chunks.data))
    framed = [len(size) + length + 2 * LINE_END for size, length in zip(chunks.sizes, lengths, strict=True)]
    places, sums = list(accumulate(framed, initial=at)), list(accumulate(lengths, initial=0))
    whole = dict(zip(places, sums, strict=True))
    whole[read_ends[-1]] = sums[-1]
    return [whole[end] if end in whole else _within(end, places, sums) for end in read_ends]


def _within(read_end: int, places: Sequence[int], sums: Sequence[int]) -> int:
    """The same of a read that does not end with a chunk."""
    chunk = bisect(places, read_end)
    if chunk in (0, len(places)):
        return sums[min(chunk, len(sums) - 1)]
    lacking = places[chunk] - LINE_END - read_end
    return max(sums[chunk - 1], sums[chunk] - max(0, lacking))
