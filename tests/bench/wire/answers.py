"""Answers of an engine as bytes, whole or in pieces, and recordings of them."""

from __future__ import annotations

import json
import struct
from itertools import pairwise

from zephyr_deploy.bench.clients.chunks import ChatProgress
from zephyr_deploy.bench.sample import Sample
from zephyr_deploy.bench.wire.decode import decode
from zephyr_deploy.bench.wire.recording import Recording
from zephyr_deploy.bench.wire.shapes import Shapes

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"


def event(data):
    return b"data: " + (data if isinstance(data, bytes) else json.dumps(data, ensure_ascii=False).encode()) + b"\n\n"


def chat_event(text, finish=None):
    return event({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish}]})


def chat_body(*texts):
    usage = event({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": len(texts)}})
    return [*map(chat_event, texts), chat_event("", "length"), usage, event(b"[DONE]")]


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def chat(*texts):
    """A whole streamed answer; every text is a chunk of its own."""
    return CHUNKED + b"".join(map(chunk, chat_body(*texts))) + END


def plain(status, body=b"", *more):
    return b"\r\n".join([b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), *more, b"", body])


def cut_at(data, places):
    """``data`` in pieces that end at ``places``."""
    edges = sorted({0, len(data), *(place for place in places if place < len(data))})
    return [data[start:end] for start, end in pairwise(edges)]


def stamp(realtime_ns):
    """The control messages of a read that the kernel stamped."""
    return [(1, 35, struct.pack("qq", *divmod(realtime_ns, 1_000_000_000)))]


def recorded(pieces, failure=None):
    """A recording in which piece n was read at n ms of our clock, without the kernel's stamps."""
    recording = Recording(failure=failure)
    for number, piece in enumerate(pieces, start=1):
        recording.add(number * 1_000_000, [], piece)
    return recording


def decoded(pieces, failure=None, progress=ChatProgress):
    sample = Sample(taken_ns=0)
    for _ in decode(recorded(pieces, failure), progress(sample), Shapes()):
        pass
    return sample
