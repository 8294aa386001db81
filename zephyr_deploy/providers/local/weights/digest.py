"""SHA-256 of files."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CHUNK = 1 << 20


def sha256_of(path: Path, report: Callable[[int], None] | None = None) -> str:
    """Hex digest of the whole file; ``report`` is told the bytes read so far."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            if report:
                report(file.tell())
    return digest.hexdigest()


def size_of(path: Path) -> int:
    """Size in bytes; 0 where there is no such file."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
