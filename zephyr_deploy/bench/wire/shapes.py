"""The shapes of a server's events: those that say nothing but a text differ in it, in numbers, and in other strings.

The first event of a shape is parsed as JSON, and made into a regular expression that reads the others at a fraction of
the cost.
"""

from __future__ import annotations

import json
import re
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zephyr_deploy.bench.wire.progress import Progress

MOST = 8
"""Shapes of one server; whoever has more has none that is worth keeping."""
MOST_IN_RUN = 32
"""Events that are matched at a stretch, at a millionth of a second each."""
_STRING = rb'[^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4})[^"\\\x00-\x1f]*)*'
"""What JSON lets be between quotes."""
_NUMBER = rb"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,40})?(?:[eE][+-]?[0-9]{1,3})?"
_TEXT = rb'"((?!")' + _STRING + rb')"'
_OTHER_STRING = rb'"[^"\\\x00-\x1f]+"'
_WHOLE_STRING = re.compile(_STRING)
_NO_PLAIN_CHARACTER = re.compile(rb'["\\\x00-\x1f]')
_EVENT = re.compile(rb"data: ?(?P<json>\{[^\n]*\})\n\n")
_SCALAR = re.compile(
    rb'"(?P<string>' + _STRING + rb')"(?P<is_key>[ \t]*:)?|(?<![0-9.eE+-])' + _NUMBER + rb"(?![0-9.eE+-])"
)
_IN_CHUNK = rb"([0-9A-Fa-f]+)\r\n(%b)\r\n"
_BETWEEN = b"\0"
"""No string of JSON has it."""
_MARK = "?!"


class Run(NamedTuple):
    """Plain events that follow each other."""

    texts: list[bytes]
    """As JSON writes them."""
    ends: list[int]
    """Where each ends, with the blank line behind it."""


class Shape(NamedTuple):
    """What events of one shape look like."""

    event: re.Pattern[bytes]
    """Group 1 is the text, as JSON writes it."""
    chunk: re.Pattern[bytes]
    """A chunk with one of them: its groups are its size, the event, and the text."""


class Shapes:
    """What the plain events of one server look like, the shape seen last before the others."""

    def __init__(self) -> None:
        self._shapes: list[Shape] = []

    def run(self, data: bytes, at: int) -> Run | None:
        """The plain events of one known shape that begin here, or some of them; None: here is no such event."""
        for place, shape in enumerate(self._shapes):
            if first := shape.event.match(data, at):
                if place:
                    self._shapes.insert(0, self._shapes.pop(place))
                return _of_its_shape(data, first)
        return None

    def of_chunk(self, read: bytes) -> re.Match[bytes] | None:
        """What matches this as `Shape.chunk`; None: it is not one chunk with one plain event of a known shape."""
        return next((found for shape in self._shapes if (found := shape.chunk.fullmatch(read))), None)

    def learn(self, event: bytes, text: str, progress: Progress) -> None:
        """Look for the shape of this event, which says nothing but ``text``; there may be none to be sure of."""
        if len(self._shapes) < MOST:
            pattern = _pattern_of(event, text, progress)
            if pattern is not None:
                self._shapes.insert(0, Shape(re.compile(pattern), re.compile(_IN_CHUNK % pattern)))


def texts_of(raw: list[bytes]) -> list[str]:
    """What strings of JSON say, from what is between their quotes."""
    whole = _BETWEEN.join(raw)
    if b"\\" in whole:
        return [_text_of(one) for one in raw]
    return whole.decode(errors="replace").split(_BETWEEN.decode())


def are_plain(raw: list[bytes]) -> bool:
    """Whether these are what JSON lets be between quotes, and none is empty."""
    if all(raw) and not _NO_PLAIN_CHARACTER.search(b"".join(raw)):
        return True
    return all(text and _WHOLE_STRING.fullmatch(text) for text in raw)


def _text_of(raw: bytes) -> str:
    text = raw.decode(errors="replace")
    return str(json.loads(f'"{text}"')) if "\\" in text else text


def _of_its_shape(data: bytes, first: re.Match[bytes]) -> Run:
    """This event with some that follow it and differ from it in texts and numbers."""
    run = Run([first[1]], [first.end()])
    for event in islice(first.re.finditer(data, first.end()), MOST_IN_RUN):
        if event.start() != run.ends[-1]:
            break
        run.texts.append(event[1])
        run.ends.append(event.end())
    return run


def _pattern_of(event: bytes, text: str, progress: Progress) -> bytes | None:
    """The regular expression of this event's shape; None where it does not show for certain where its text is."""
    whole = _EVENT.fullmatch(event)
    if whole is None:
        return None
    values = [value for value in _SCALAR.finditer(event, *whole.span("json")) if not value["is_key"]]
    for value in values:
        if value["string"] and _text_of(value["string"]) == text and _is_text(event, whole, value, progress):
            return b"".join(_parts(event, values, value))
    return None


def _is_text(event: bytes, whole: re.Match[bytes], value: re.Match[bytes], progress: Progress) -> bool:
    """Whether this value is the event's text: with another one in its place, that is."""
    (start, end), (first, last) = whole.span("json"), value.span("string")
    changed = event[start:first] + _MARK.encode() + event[last:end]
    return progress.plain_text(json.loads(changed.decode(errors="replace"))) == _MARK


def _parts(event: bytes, values: list[re.Match[bytes]], text: re.Match[bytes]) -> Iterator[bytes]:
    """The parts of a regular expression: literally what is between the values."""
    at = 0
    for value in values:
        yield re.escape(event[at : value.start()])
        if value is text:
            yield _TEXT
        elif value["string"] is None:
            yield _NUMBER
        else:
            yield _OTHER_STRING if value["string"] else b'""'
        at = value.end()
    yield re.escape(event[at:])
