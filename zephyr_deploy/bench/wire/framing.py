"""Where an HTTP/1.1 answer ends: just as much of its framing as that takes, byte for byte. Pure.

It runs while streams do, and therefore decodes no body; that is done, strictly, when they are over.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from zephyr_deploy.bench.wire.chunked import plain_chunks

if TYPE_CHECKING:
    from collections.abc import Sequence

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
_EVENT_AND_CHUNK_END = b"\n\n\r\n"
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
        self.inside: bytes | tuple[()] = ()
        """What a read ends with that surely leaves the answer open: a chunk that ends with an event's end."""
        self._seen = 0
        """Reads that are in ``_rest``, or were."""
        self._rest = bytearray()
        """What has come from some place in the framing on: earlier bytes are let go."""
        self._at = 0
        """Where in it the framing goes on: at the head, at the line of the next chunk, or at the end of the body."""
        self._in_head = True
        self._chunked = False
        self._in_trailer = False

    def follow(self, reads: Sequence[bytes]) -> bool:
        """Look at what has come since the last call; ``reads`` are all that have come. Whether it is over.

        Whoever calls it may leave out those that end with ``inside``.
        """
        unseen = reads[self._seen :]
        self._seen = len(reads)
        if self._is_whole_body(unseen):
            self._end(surplus=False)
            return True
        self._rest += b"".join(unseen)
        self._take(self._rest)
        done = min(self._at, len(self._rest))
        del self._rest[:done]
        self._at -= done
        return self.over

    def _is_whole_body(self, unseen: Sequence[bytes]) -> bool:
        """Whether it is all that was missing, in the form in which almost every answer comes.

        Behind reads that end as a chunk does, chunks up to the last one are taken for what they seem to be. Decoding
        reads every byte, and would tell that they were not.
        """
        between_chunks = self._chunked and not (self._rest or self._at or self._in_trailer)
        return between_chunks and plain_chunks(unseen[-1]) is not None

    def _take(self, answer: bytearray) -> None:
        while self._in_head:
            at = self._at
            self._take_head(answer)
            if self._in_head and self._at == at:
                return
        if self._chunked:
            self._take_chunks(answer)
        elif self.until_close:
            self.over = _DONE.search(answer, self._at) is not None
            self._at = max(self._at, len(answer) - _DONE_LENGTH)
        elif self._at <= len(answer):
            self._end(surplus=self._at < len(answer))

    def _take_head(self, answer: bytearray) -> None:
        """Read the head if it is complete; one that only announces another is passed over."""
        end = _BLANK_LINE.search(answer, self._at)
        status = _STATUS.match(answer, self._at)
        came = len(answer) - self._at
        if status is None and (end is not None or came >= 12):  # noqa: PLR2004 - "HTTP/1.1 200": this is no HTTP
            self._give_up()
        elif status is None or end is None:
            if came > LONGEST_HEAD:
                self._give_up()
        elif status[2].startswith(b"1") and int(status[2]) != _SWITCHED:
            self._at = end.end()
        else:
            head, self._at, self._in_head = bytes(answer[self._at : end.end()]), end.end(), False
            self._begin_body(head, int(status[1]), int(status[2]))

    def _begin_body(self, head: bytes, minor: int, status: int) -> None:
        self.reusable = minor == 1 and _CLOSE.search(head) is None
        length = _LENGTH.search(head)
        if status == _SWITCHED:
            self._give_up()
        elif status in _EMPTY:
            pass
        elif _CHUNKED.search(head):
            self._chunked, self.inside = True, _EVENT_AND_CHUNK_END
        elif length is not None:
            self._at += int(length[1])
        else:
            self.until_close, self.reusable = True, False
            self._at -= 1  # the line end before the body

    def _take_chunks(self, answer: bytearray) -> None:
        at, size = self._at, len(answer)
        while at < size and not self.over:
            end = answer.find(b"\n", at)
            if end < 0:
                if size - at > LONGEST_LINE:
                    self._give_up()
                break
            line, at = answer[at:end], end + 1
            if self._in_trailer:
                if not line.strip():
                    self._end(surplus=at < size)
            elif left := self._chunk_size(line):
                at += left + CHUNK_END
        self._at = at

    def _chunk_size(self, line: bytearray) -> int:
        """What the line before a chunk says; 0: it is the last one, or no such line."""
        try:
            size = int(line if b";" not in line else line.partition(b";")[0], 16)
        except ValueError:
            size = -1
        if size <= 0:
            self._in_trailer = True
        if size < 0:
            self._give_up()
        return max(size, 0)

    def _end(self, *, surplus: bool) -> None:
        self.over = True
        self.reusable = self.reusable and not surplus

    def _give_up(self) -> None:
        self.over = self.broken = True
        self.reusable = False
