r"""How GitHub Actions reads a job's log and files, and how nothing but what is meant gets into them.

GitHub's runner takes a line for a command that begins with ``::`` after white space, and one that has ``##[`` anywhere
(ActionCommand.cs in actions/runner). What an engine logs, a model answers or a cloud says is not meant as one, so a
backslash is put into it: ``:\:``, ``##\[``. The runner compares by culture, which passes over letters that nobody sees.
"""

from __future__ import annotations

import re
import secrets
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, TextIO, cast

from zephyr_deploy.cli.terminal import tolerant

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

UNSEEN = (
    r"\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    r"\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff"
)
"""Within brackets of a regular expression: control characters, and what Unicode calls default ignorable."""
_SPACE = rf"\t\x0b\x0c \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000{UNSEEN}"
r"""The same with white space that ends no line: ``\s`` would run over many empty ones, again from each of them."""
_AT_START = re.compile(rf"(?:^|(?<=[\r\n]))([{_SPACE}]*:[{UNSEEN}]*):")
_ANYWHERE = re.compile(rf"(#[{UNSEEN}]*#[{UNSEEN}]*)\[")
_BLANK = re.compile(rf"[{_SPACE}]*")
_COLON = re.compile(rf"[{_SPACE}]*:[{UNSEEN}]*")
_SHARPS = re.compile(rf"(?:#[{UNSEEN}]*){{1,2}}\Z")

Level = Literal["error", "warning", "notice"]


def harmless(text: str, begun: str = "") -> str:
    """``text`` with a backslash before the last letter of what would be a command.

    Args:
        text: What is going to be written.
        begun: What stands on its first line already; it is not part of the answer.
    """
    return _ANYWHERE.sub(r"\1\\[", _AT_START.sub(r"\1\\:", begun + text))[len(begun) :]


def harmless_json(text: str) -> str:
    """The same JSON in other letters; it has no line that begins with colons."""
    return _ANYWHERE.sub(r"\1\\u005b", text)


class Defused:
    """A stream on which nothing that is written becomes a command; in all else it is the stream that it stands for."""

    def __init__(self, stream: TextIO) -> None:
        self.raw = stream
        """For what is meant as a command."""
        self._begun = ""

    def write(self, text: str) -> int:
        """Write it, made harmless; a command that comes in pieces is one, too."""
        self.raw.write(harmless(text, self._begun))
        self._begun = _rest(self._begun + text)
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.raw, name)


def _rest(written: str) -> str:
    """The line that has been begun, as far as what follows could become a command with it."""
    line = re.split(r"[\r\n]", written)[-1]
    if _BLANK.fullmatch(line):
        return ""
    if _COLON.fullmatch(line):
        return ":"
    sharps = _SHARPS.search(line)
    return f"x{'#' * sharps[0].count('#')}" if sharps else "x"


@contextmanager
def defused() -> Iterator[None]:
    """Have this program's two streams be `Defused` while the body runs."""
    before = sys.stdout, sys.stderr
    out, err = (cast("TextIO", Defused(tolerant(stream))) for stream in before)
    sys.stdout, sys.stderr = out, err
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def command(name: str, text: str, properties: Mapping[str, str] | None = None) -> str:
    """A workflow command, its data escaped as the runner reads it, e.g. ``::error title=Gate::Too slow``."""
    given = ",".join(f"{key}={_property(value)}" for key, value in (properties or {}).items() if value)
    return f"::{name}{' ' if given else ''}{given}::{_data(text)}"


def annotation(level: Level, title: str, text: str) -> str:
    """What GitHub shows beside the run, and beside the commit."""
    return command(level, text, {"title": title})


def output(name: str, value: str) -> str:
    """An entry of the file ``GITHUB_OUTPUT``; it ends with a word that nobody can know before."""
    end = f"end_{secrets.token_hex(16)}"
    return f"{name}<<{end}\n{value}\n{end}\n"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def meant(stream: TextIO, line: str) -> None:
    """Write a command that is meant as one."""
    raw = stream.raw if isinstance(stream, Defused) else stream
    raw.write(f"{line}\n")
    raw.flush()
