"""What differs between two versions of zephyr.lock, for people and for a pull request."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from zephyr_deploy.spec.base import Frozen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zephyr_deploy.release.lockfile import LockFile


class Change(Frozen):
    """One thing that differs; empty where one of the two does not have it."""

    what: str
    """Its path in the file, e.g. ``engine.digest``."""
    before: str
    after: str


def changes(old: LockFile | None, new: LockFile) -> tuple[Change, ...]:
    """Everything that differs, by its path; all that there is, where there was no old one."""
    before, after = _flat(old) if old else {}, _flat(new)
    return tuple(
        Change(what=what, before=before.get(what, ""), after=after.get(what, ""))
        for what in sorted({*before, *after})
        if before.get(what) != after.get(what)
    )


def _flat(lock: LockFile) -> dict[str, str]:
    """Every value under its path; a file of the model under its own."""
    document = lock.model_dump(mode="json")
    for file in document["model"].pop("files"):
        document["model"][f"files.{file['path']}"] = f"{file['blob']}, {file['size']} bytes"
    return dict(_leaves(document, ""))


def _leaves(value: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}" if path else key)
    elif value is not None:
        yield path, value if isinstance(value, str) else json.dumps(value)
