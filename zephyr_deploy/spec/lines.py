"""On which line of a TOML text each key stands; tomllib does not tell."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Path = tuple[str, ...]
Lines = Mapping[Path, int]
"""Line, from 1, of every key and table by its path."""

_CLOSING = ("]", "}", '"""', "'''")
"""What the last line of a statement of several lines holds; others need not be tried."""


def lines_of(text: str) -> Lines:
    """Find the lines. ``text`` must be valid TOML.

    Each statement is parsed by itself: its lines are joined until they parse, so that what only looks like a
    key, inside a long string, is never taken for one.
    """
    found: dict[Path, int] = {}
    table: Path = ()
    for line, statement in _statements(text):
        parsed = tomllib.loads(statement)
        if statement.lstrip().startswith("["):
            table = _only_path(parsed)
            paths = [table]
        else:
            paths = [table + path for path in _paths(parsed)]
        for path in paths:
            for length in range(1, len(path) + 1):
                found.setdefault(path[:length], line)
    return found


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Each statement with the line on which it begins."""
    begin, pending = 1, ""
    for number, line in enumerate(text.split("\n"), start=1):
        if not pending and line.lstrip()[:1] in {"", "#"}:
            continue
        may_end = not pending or any(closing in line for closing in _CLOSING)
        begin = begin if pending else number
        pending += line + "\n"
        if may_end and _is_whole(pending):
            yield begin, pending
            pending = ""


def _is_whole(statement: str) -> bool:
    try:
        tomllib.loads(statement)
    except tomllib.TOMLDecodeError:
        return False
    return True


def _only_path(header: Mapping[str, object]) -> Path:
    """The path of a ``[table]`` or ``[[array]]`` header."""
    for name, inner in header.items():
        inner = inner[0] if isinstance(inner, list) else inner  # noqa: PLW2901
        return (name, *_only_path(inner)) if isinstance(inner, Mapping) else (name,)
    return ()


def _paths(table: Mapping[str, object]) -> Iterator[Path]:
    for name, value in table.items():
        yield (name,)
        if isinstance(value, Mapping):
            yield from ((name, *path) for path in _paths(value))
