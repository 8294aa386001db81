"""A body in chunks as almost every server writes it, taken apart at one go. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

LINE_END = 2
"""Bytes of the CRLF behind a chunk's size, and behind its data."""
END = b"0\r\n\r\n"
"""The last chunk, and no trailer."""
_CRLF = b"\r\n"
_BEHIND = 3
"""Parts that `END` is cut into."""
_SIZE = re.compile(rb"[0-9A-Fa-f]+")


class Chunks(NamedTuple):
    """Those of a body, as columns."""

    sizes: list[bytes]
    """As they are written."""
    data: list[bytes]


def plain_chunks(body: bytes) -> Chunks | None:
    """The chunks; None unless ``body`` is a whole one, without extensions, a trailer, or a CRLF in the data.

    Cutting it at line ends and comparing lengths takes a quarter of the time of going from chunk to chunk.
    """
    if not body.endswith(END):
        return None
    parts = body.split(_CRLF)
    chunks = Chunks(parts[:-_BEHIND:2], parts[1:-_BEHIND:2])
    if len(chunks.sizes) != len(chunks.data) or parts[-_BEHIND] != b"0":
        return None
    return chunks if are_sizes(chunks.sizes, list(map(len, chunks.data))) else None


def are_sizes(written: Sequence[bytes], lengths: Sequence[int]) -> bool:
    """Whether this is how chunks of those lengths, none of which is the last one, are announced."""
    # few of them differ: the same server's events are all about as long
    return all(_is_size(size, length) for size, length in set(zip(written, lengths, strict=True)))


def _is_size(size: bytes, length: int) -> bool:
    return length > 0 and _SIZE.fullmatch(size) is not None and int(size, 16) == length
