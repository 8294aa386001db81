"""One version of a service: the files that make it, named by the hash of their content."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from zephyr_deploy.spec.base import Frozen

if TYPE_CHECKING:
    from collections.abc import Mapping


class Release(Frozen):
    """Rendered files and their name. The same wish renders to the same name on every machine."""

    id: str
    """First 12 hex digits of the SHA-256 over the sorted files."""
    files: dict[str, str]


def release_of(files: Mapping[str, str]) -> Release:
    """Name a set of rendered files by their content."""
    digest = hashlib.sha256()
    for path in sorted(files):
        for part in (path, files[path]):
            data = part.encode()
            digest.update(len(data).to_bytes(8, "big") + data)
    return Release(id=digest.hexdigest()[:12], files=dict(files))
