"""The body of an answer that came as almost all do: 200, in chunks, to its very end. Pure.

Everything else is left to h11, which reads any answer and takes several times as long (see `strict`).
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

import h11

from zephyr_deploy.bench.wire.framing import LONGEST_HEAD

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

    from zephyr_deploy.bench.wire.recording import Recording

OK = 200
KNOWN_HEADS = 64
"""A server says the same head again and again, but for the second in it."""
STRETCH = 256
"""Chunks at a stretch: a fraction of a millisecond."""
_HEAD_END = b"\r\n\r\n"
_CHUNK_END = b"\r\n"
_NONE = (1 << 62, 1 << 62)
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})\r\n")
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


def body_of(recording: Recording) -> Generator[None, None, Body | None]:
    """The body, or None where it is not as plain as that; yields after every stretch of work."""
    answer = b"".join(recording.reads)
    head_end = answer.find(_HEAD_END) + len(_HEAD_END)
    if recording.failure is not None or head_end < len(_HEAD_END) or not _is_chunked(answer[:head_end]):
        return None
    chunks = yield from _chunks(answer, head_end)
    if chunks is None:
        return None
    data = b"".join([answer[start:end] for start, end in chunks])
    return Body(data, _came(accumulate(map(len, recording.reads)), chunks))


@lru_cache(KNOWN_HEADS)
def _is_chunked(head: bytes) -> bool:
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


def _chunks(answer: bytes, at: int) -> Generator[None, None, list[tuple[int, int]] | None]:
    """Where the data of each chunk begins and ends; None unless the last one ends the answer, without a trailer."""
    found: list[tuple[int, int]] = []
    while (line := _SIZE.match(answer, at)) is not None:
        start = line.end()
        end = start + int(line[1], 16)
        at = end + len(_CHUNK_END)
        if answer[end:at] != _CHUNK_END:
            return None
        if start == end:
            return found if at == len(answer) else None
        found.append((start, end))
        if len(found) % STRETCH == 0:
            yield
    return None


def _came(reads: Iterable[int], chunks: Iterable[tuple[int, int]]) -> list[int]:
    """How many bytes of the chunks each read completes; ``reads`` and ``chunks`` are places in the answer."""
    came: list[int] = []
    rest = iter(chunks)
    start, end = next(rest, _NONE)
    whole = 0
    for read_end in reads:
        while end <= read_end:
            whole += end - start
            start, end = next(rest, _NONE)
        came.append(whole if read_end < start else whole + read_end - start)
    return came
