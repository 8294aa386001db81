"""Prompts of a file or of standard input: read as they are needed, in an order drawn by the seed, again and again."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
import weakref
from codecs import StreamReader, getreader
from io import BufferedReader, RawIOBase
from pathlib import Path
from random import Random
from typing import IO, TYPE_CHECKING, Any

from zephyr_deploy.bench.prompts.entries import conversation_of
from zephyr_deploy.bench.prompts.facts import PromptFacts
from zephyr_deploy.bench.prompts.lengths import draw_length
from zephyr_deploy.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from zephyr_deploy.bench.asks import Conversation
    from zephyr_deploy.bench.prompts.traces import Arrival
    from zephyr_deploy.bench.spec import BenchSpec

STDIN = "-"
WINDOW = 1024
"""Conversations that are in memory at a time, out of which the next one is drawn."""
PIECE = 1 << 20
"""Characters of a JSON array that are read at a time."""
HEAD = 1 << 16
"""Bytes in which the first one that is no space tells the form."""
SHOWN = 3
"""Bad lines that are told of; the others are counted."""
_BETWEEN = re.compile(r"[\s,]*")
HINT = "It reads JSON lines with prompt or messages, ShareGPT's JSON, and plain text, a prompt a line."


class FilePrompts:
    """Conversations of ``spec.prompts_file``; a line that is none is left out, and named.

    Raises:
        UsageError: it cannot be read, or there is not one conversation in it.
    """

    def __init__(self, spec: BenchSpec) -> None:
        self._spec = spec
        self._path = Path(spec.prompts_file or STDIN)
        self._name = "standard input" if spec.prompts_file == STDIN else str(self._path)
        self._file = self._opened()
        weakref.finalize(self, self._file.close)
        self._bad: list[str] = []
        self._good = self._left_out = self._rounds = 0
        self._endless = self._again_and_again()
        self._first: list[Conversation] = [next(self._endless)]

    def conversations(self, series: str, arrivals: Sequence[Arrival] | None = None) -> Iterator[Conversation]:
        """The next ones of the file, whatever the series; with ``arrivals`` their answers are as long as those."""
        del series
        if arrivals is None:
            return iter(self._next, None)
        return (
            tuple(turn._replace(output_tokens=arrival.output_tokens) for turn in self._next()) for arrival in arrivals
        )

    def facts(self) -> PromptFacts:
        """How many there were, and which lines were left out."""
        remarks = []
        if self._rounds > 1:
            remarks.append(f"The {self._good} conversations of {self._name} were sent more than once.")
        if self._bad:
            more = self._left_out - len(self._bad)
            rest = f"; and {more} more" if more else ""
            remarks.append(f"Left out of {self._name}: {'; '.join(self._bad)}{rest}.")
        return PromptFacts(counted_by="file", remarks=tuple(remarks))

    def _next(self) -> Conversation:
        return self._first.pop() if self._first else next(self._endless)

    def _again_and_again(self) -> Iterator[Conversation]:
        while True:
            order = Random(f"{self._spec.seed}/{self._rounds}")  # noqa: S311 - to be repeated, not to be secret
            self._rounds += 1
            yield from _mixed(self._once(), order)
            if not self._good:
                reason = f": {self._bad[0]}" if self._bad else ""
                raise UsageError(f"There is no prompt in {self._name}{reason}.", hint=HINT)

    def _once(self) -> Iterator[Conversation]:
        lengths = Random(f"{self._spec.seed}/lengths")  # noqa: S311 - as above
        for where, entry in _entries(self._file.fileno(), plain=self._path.suffix == ".txt"):
            try:
                found = conversation_of(
                    _read(entry), self._spec.turns, lambda: draw_length(self._spec.max_new_tokens, lengths)
                )
            except ValueError as error:
                self._leave_out(f"{where}: {_why(error)}")
                continue
            self._good += self._rounds == 1
            yield found

    def _leave_out(self, why: str) -> None:
        if self._rounds == 1:
            self._left_out += 1
            if len(self._bad) < SHOWN:
                self._bad.append(why)

    def _opened(self) -> IO[bytes]:
        """The file; what can be read only once is copied, for it may have to be read again."""
        try:
            if self._spec.prompts_file == STDIN:
                return _copy(sys.stdin.buffer)
            file = self._path.open("rb")
            if file.seekable():
                return file
            with file:
                return _copy(file)
        except OSError as error:
            raise UsageError(f"{self._name} cannot be read: {error.strerror}.", hint=HINT) from error


def _copy(file: IO[bytes]) -> IO[bytes]:
    copy = tempfile.TemporaryFile()  # noqa: SIM115 - it is read as long as the prompts are
    shutil.copyfileobj(file, copy)
    copy.flush()
    return copy


class _Read(RawIOBase):
    """A file from its beginning; where it is read is known here alone.

    The system's own place in a file is shared with every process that is forked while it is read.
    """

    def __init__(self, file: int) -> None:
        self._file, self._place = file, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = os.pread(self._file, len(buffer), self._place)
        buffer[: len(data)] = data
        self._place += len(data)
        return len(data)


def _mixed(conversations: Iterable[Conversation], order: Random) -> Iterator[Conversation]:
    """All of them, each drawn out of the next `WINDOW`."""
    waiting: list[Conversation] = []
    for conversation in conversations:
        if len(waiting) < WINDOW:
            waiting.append(conversation)
            continue
        place = order.randrange(WINDOW)
        yield waiting[place]
        waiting[place] = conversation
    order.shuffle(waiting)
    yield from waiting


def _entries(number: int, *, plain: bool) -> Iterator[tuple[str, Any]]:
    """Where each entry of an open file is, and what it is: bytes of a JSON line, a text, or an element of an array."""
    file = BufferedReader(_Read(number), HEAD)
    start = file.peek(HEAD).removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if start == b"[" and not plain:
        yield from _elements(getreader("utf-8-sig")(file, "replace"))
        return
    is_json = start == b"{" and not plain
    for line_number, line in enumerate(file, start=1):
        stripped = line.removeprefix(b"\xef\xbb\xbf").strip()
        if stripped:
            yield f"line {line_number}", stripped if is_json else _Text(stripped)


class _Text(bytes):
    """A line that is a prompt."""


def _read(entry: Any) -> Any:
    if isinstance(entry, _Text):
        return entry.decode()
    return json.loads(entry) if isinstance(entry, bytes) else entry


def _why(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return "not JSON"
    return "not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)


def _elements(file: StreamReader) -> Iterator[tuple[str, Any]]:
    """Those of a JSON array, of which only a piece is in memory."""
    decoder, text, number, size = json.JSONDecoder(), file.read(PIECE).lstrip(), 0, PIECE
    place = 1
    while True:
        place = _BETWEEN.match(text, place).end()  # type: ignore[union-attr]  # it matches nothing as well
        if text.startswith("]", place):
            return
        try:
            element, place = decoder.raw_decode(text, place)
        except ValueError:
            more = file.read(size)
            if not more:
                yield f"element {number + 1}", b"{"  # what is left is no JSON
                return
            text, place, size = text[place:] + more, 0, 2 * size
            continue
        number, size = number + 1, PIECE
        yield f"element {number}", element
