"""What differs between two releases, as a unified diff: pure functions of their files."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def difference(old: Mapping[str, str], new: Mapping[str, str], *, old_name: str, new_name: str) -> str:
    """A unified diff from ``old`` to ``new``; empty where they are the same to the byte."""
    return "".join(_lines(old, new, old_name, new_name))


def changed(old: Mapping[str, str], new: Mapping[str, str]) -> tuple[str, ...]:
    """The paths whose content differs, or that only one of the two has."""
    return tuple(path for path in sorted({*old, *new}) if old.get(path) != new.get(path))


def _lines(old: Mapping[str, str], new: Mapping[str, str], old_name: str, new_name: str) -> Iterator[str]:
    for path in changed(old, new):
        names = (
            f"{old_name}/{path}" if path in old else "/dev/null",
            f"{new_name}/{path}" if path in new else "/dev/null",
        )
        for line in difflib.unified_diff(_split(old.get(path)), _split(new.get(path)), *names):
            yield line if line.endswith("\n") else line + "\n\\ No newline at end of file\n"


def _split(text: str | None) -> list[str]:
    """Lines as `diff` counts them: only a line feed ends one."""
    parts = (text or "").split("\n")
    return [f"{part}\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])
