"""How GitHub's runner finds commands in a job's log, by actions/runner's ActionCommand.cs.

It is stricter than that: whatever has the form of a command counts, whether or not the runner knows one of that name.
"""

from __future__ import annotations

import re
import unicodedata

Command = tuple[str, dict[str, str], str]
IGNORED = {"Cc", "Cf"}


def commands(log: str) -> list[Command]:
    """Every command: its name, its properties and its data."""
    return [found for line in re.split(r"\r\n|\r|\n", log) if (found := _new(line) or _old(line)) is not None]


def _new(line: str) -> Command | None:
    """``::name key=value,key=value::data``."""
    line = _compared(line).lstrip()
    if not line.startswith("::") or "::" not in line[2:]:
        return None
    info, _, data = line[2:].partition("::")
    name, _, properties = info.partition(" ")
    pairs = (pair.partition("=") for pair in properties.strip().split(",") if pair)
    return name, {key: _unescaped(value, {"%3A": ":", "%2C": ","}) for key, _, value in pairs}, _unescaped(data, {})


def _old(line: str) -> Command | None:
    """``##[name key=value;key=value]data``, which may stand anywhere in the line."""
    _, there, info = _compared(line).partition("##[")
    if not there or "]" not in info:
        return None
    inner, _, data = info.partition("]")
    return inner.partition(" ")[0], {}, data


def _compared(line: str) -> str:
    """As a comparison by culture sees it."""
    return "".join(letter for letter in line if unicodedata.category(letter) not in IGNORED or letter.isspace())


def _unescaped(text: str, more: dict[str, str]) -> str:
    for code, letter in {"%0D": "\r", "%0A": "\n", **more, "%25": "%"}.items():
        text = text.replace(code, letter)
    return text
