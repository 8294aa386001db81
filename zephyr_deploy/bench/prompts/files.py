"""Prompts of a file or of standard input: read as they are needed, in an order drawn by the seed, again and again."""

from __future__ import annotations

import json
import re
import shutil
import sys
import tempfile
import weakref
from codecs import StreamReader, getreader
from contextlib import contextmanager
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
HEAD = 4096
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
        self._stdin: IO[bytes] | None = None
        if spec.prompts_file == STDIN:
            self._stdin = tempfile.TemporaryFile()  # noqa: SIM115 - it is read again when it runs out
            weakref.finalize(self, self._stdin.close)
            shutil.copyfileobj(sys.stdin.buffer, self._stdin)
        self._name = "standard input" if self._stdin else str(self._path)
        self._bad: list[str] = []
        self._good = self._rounds = 0
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
            more = len(self._bad) - SHOWN
            rest = f"; and {more} more" if more > 0 else ""
            remarks.append(f"Left out of {self._name}: {'; '.join(self._bad[:SHOWN])}{rest}.")
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
        with self._opened() as file:
            for where, entry in _entries(file, plain=self._path.suffix == ".txt"):
                try:
                    found = conversation_of(
                        _read(entry), self._spec.turns, lambda: draw_length(self._spec.max_new_tokens, lengths)
                    )
                except ValueError as error:
                    if self._rounds == 1:
                        self._bad.append(f"{where}: {_why(error)}")
                    continue
                self._good += self._rounds == 1
                yield found

    @contextmanager
    def _opened(self) -> Iterator[IO[bytes]]:
        if self._stdin is not None:
            self._stdin.seek(0)
            yield self._stdin
            return
        try:
            file = self._path.open("rb")
        except OSError as error:
            raise UsageError(f"{self._path} cannot be read: {error.strerror}.", hint=HINT) from error
        with file:
            yield file


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


def _entries(file: IO[bytes], *, plain: bool) -> Iterator[tuple[str, Any]]:
    """Where each entry is, and what it is: bytes of a JSON line, a text, or an element of a JSON array."""
    start = file.read(HEAD).removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    file.seek(0)
    if start == b"[" and not plain:
        yield from _elements(getreader("utf-8-sig")(file, "replace"))
        return
    is_json = start == b"{" and not plain
    for number, line in enumerate(file, start=1):
        stripped = line.removeprefix(b"\xef\xbb\xbf").strip()
        if stripped:
            yield f"line {number}", stripped if is_json else _Text(stripped)


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
