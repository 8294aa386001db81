"""Server-sent events out of bytes as they arrive, whatever the pieces. Pure.

Follows the WHATWG rules for lines, comments and multi-line data (https://html.spec.whatwg.org/multipage/server-sent-events.html),
and keeps only the data: none of the engines uses event names or ids.
"""

from __future__ import annotations

import re

DONE = "[DONE]"
"""Data of the event that ends an OpenAI stream."""

_LINE_END = re.compile(rb"\r\n|\r|\n")
_BOM = b"\xef\xbb\xbf"


class SseParser:
    """Collects bytes and gives back the data of every event that they complete.

    Bytes are cut at line ends only, which are ASCII, so that a character split over two pieces stays whole.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[str] = []
        self._after_cr = False
        self._first = True

    def feed(self, piece: bytes) -> list[str]:
        """The data of the events that ``piece`` completes, in order."""
        if not piece:
            return []
        if self._after_cr and piece.startswith(b"\n"):
            piece = piece[1:]
            self._after_cr = False
            return self.feed(piece)
        self._after_cr = piece.endswith(b"\r")
        *lines, self._rest = _LINE_END.split(self._rest + piece)
        return [data for line in lines if (data := self._take(line)) is not None]

    def end(self) -> list[str]:
        """The data of an event whose closing blank line never came: some servers leave it out after ``[DONE]``."""
        line, self._rest = self._rest, b""
        ended = [self._take(line)] if line else []
        ended.append(self._take(b""))
        return [data for data in ended if data is not None]

    def _take(self, line: bytes) -> str | None:
        """Read one line; the data of the event if it closes one."""
        if self._first:
            self._first, line = False, line.removeprefix(_BOM)
        if not line:
            data, self._data = self._data, []
            return "\n".join(data) if data else None
        name, _, value = line.partition(b":")
        if name == b"data":
            self._data.append(value.removeprefix(b" ").decode(errors="replace"))
        return None
