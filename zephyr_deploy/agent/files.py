"""Files that are there whole or not at all."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from zephyr_deploy.agent.errors import of_disk

if TYPE_CHECKING:
    from pathlib import Path


def put(path: Path, text: str, mode: int = 0o644) -> bool:
    """Write ``text`` to ``path`` unless it is there already; whether it was written.

    Raises:
        NodeError: the disk is full or read-only.
    """
    try:
        if path.is_file() and path.read_bytes() == text.encode() and path.stat().st_mode & 0o777 == mode:
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{os.getpid()}")
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            os.fchmod(descriptor, mode)
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        part.replace(path)
    except OSError as error:
        raise of_disk(error, f"{path.name} cannot be written", path) from error
    return True


def put_json(path: Path, data: object) -> None:
    """Write JSON; see `put`."""
    put(path, json.dumps(data, indent=2, sort_keys=True) + "\n")


def get_json(path: Path) -> Any:
    """Read JSON; None where there is none that can be read."""
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return None


def add_line(path: Path, data: object) -> None:
    """Append one JSON object to a file of lines, on a line of its own: the last one may have been cut short by a crash.

    Raises:
        NodeError: the disk is full or read-only.
    """
    try:
        with path.open("ab+") as file:
            size = file.seek(0, os.SEEK_END)
            ended = not size or os.pread(file.fileno(), 1, size - 1) == b"\n"
            file.write((b"" if ended else b"\n") + json.dumps(data, sort_keys=True).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise of_disk(error, f"{path.name} cannot be written", path) from error


def get_lines(path: Path) -> list[Any]:
    """Every line that can be read; one cut short by a crash is passed over."""
    found = []
    try:
        text = path.read_text()
    except OSError:
        return []
    for line in text.splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found
