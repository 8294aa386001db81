"""Where an HTTP/1.1 answer ends: just as much of its framing as that takes, byte for byte. Pure.

It runs while streams do, and therefore neither keeps nor decodes a body; h11 does that, strictly, when they are over.
"""

from __future__ import annotations

import re

LONGEST_HEAD = 65536
LONGEST_LINE = 4096
CHUNK_END = 2
"""The CRLF behind a chunk's data."""

_BLANK_LINE = re.compile(rb"\n\r?\n")
_STATUS = re.compile(rb"HTTP/1\.([01]) ([0-9]{3})")
_CHUNKED = re.compile(rb"\ntransfer-encoding:[^\n]*chunked[ \t]*\r?\n", re.IGNORECASE)
_LENGTH = re.compile(rb"\ncontent-length:[ \t]*([0-9]{1,18})[ \t]*\r?\n", re.IGNORECASE)
_CLOSE = re.compile(rb"\nconnection:[^\n]*close", re.IGNORECASE)
_DONE = re.compile(rb"\ndata: ?\[DONE\]")
_DONE_LENGTH = 13
_EMPTY = frozenset({204, 304})
_SWITCHED = 101


class Framing:
    """Follows one answer. ``over``: it has ended, or is broken. ``reusable``: its connection can take another."""

    def __init__(self) -> None:
        self.over = False
        self.broken = False
        """What came is no HTTP/1.1, and its end will never be seen."""
        self.reusable = False
        self.until_close = False
        """The body ends with the connection: the server says neither its length nor its end."""
        self._head: bytes | None = b""
        """What has come of a head that is not complete; None: it is."""
        self._chunked = False
        self._left = 0
        """Bytes of the body, or of the chunk with its end, that are still to come."""
        self._line = b""
        """What has come of a line of the framing, or the end of a body until the close."""
        self._in_trailer = False

    def feed(self, data: bytes) -> bool:
        """Follow the next bytes; whether the answer is over."""
        if self._head is not None:
            data = self._take_head(self._head + data)
            if self._head is not None:
                return self.over
        if self._chunked:
            self._take_chunks(data)
        elif self.until_close:
            self._line = (self._line + data)[-_DONE_LENGTH - len(data) :]
            self.over = _DONE.search(self._line) is not None
        else:
            self._left -= len(data)
            if self._left <= 0:
                self._end(surplus=self._left < 0)
        return self.over

    def _take_head(self, head: bytes) -> bytes:
        """Read the head if it is complete, and give back what follows it."""
        end = _BLANK_LINE.search(head)
        status = _STATUS.match(head)
        if status is None and len(head) >= 12:  # noqa: PLR2004 - "HTTP/1.1 200": this is no HTTP
            self._give_up()
        elif end is None:
            self._head = head
            if len(head) > LONGEST_HEAD:
                self._give_up()
        elif status is not None and status[2].startswith(b"1") and int(status[2]) != _SWITCHED:
            return self._take_head(head[end.end() :])
        elif status is not None:
            self._head = None
            self._begin_body(head[: end.end()], int(status[1]), int(status[2]))
            return head[end.end() :]
        else:
            self._give_up()
        return b""

    def _begin_body(self, head: bytes, minor: int, status: int) -> None:
        self.reusable = minor == 1 and _CLOSE.search(head) is None
        length = _LENGTH.search(head)
        if status == _SWITCHED:
            self._give_up()
        elif status in _EMPTY:
            self.over = True
        elif _CHUNKED.search(head):
            self._chunked = True
        elif length is not None:
            self._left = int(length[1])
        else:
            self.until_close, self.reusable, self._line = True, False, b"\n"

    def _take_chunks(self, data: bytes) -> None:
        at = 0
        while at < len(data) and not self.over:
            if self._left:
                step = min(self._left, len(data) - at)
                self._left -= step
                at += step
                continue
            line_end = data.find(b"\n", at)
            if line_end < 0:
                self._line += data[at:]
                if len(self._line) > LONGEST_LINE:
                    self._give_up()
                return
            self._take_line(self._line + data[at:line_end])
            self._line, at = b"", line_end + 1
        if self.over and at < len(data):
            self.reusable = False

    def _take_line(self, line: bytes) -> None:
        """The line of a chunk's size, or one behind the last chunk."""
        if self._in_trailer:
            if not line.strip():
                self._end(surplus=False)
            return
        try:
            size = int(line.partition(b";")[0], 16)
        except ValueError:
            size = -1
        if size < 0:
            self._give_up()
        elif size == 0:
            self._in_trailer = True
        else:
            self._left = size + CHUNK_END

    def _end(self, *, surplus: bool) -> None:
        self.over = True
        self.reusable = self.reusable and not surplus

    def _give_up(self) -> None:
        self.over = self.broken = True
        self.reusable = False
