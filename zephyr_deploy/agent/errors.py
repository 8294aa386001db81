"""What goes wrong on a node, in words that the other end turns into its own errors."""

from __future__ import annotations

import errno
import os
from pathlib import Path

KINDS = (
    "config",
    "credentials",
    "capacity",
    "unreachable",
    "unhealthy",
    "not_deployed",
    "engine_failed",
    "deadline",
    "locked",
    "leftovers",
)
"""The codes of `zephyr_deploy.errors` that a node may answer with."""
SEE_LOG = "See all that it said: `zephyr-deploy logs`."
FULL = (errno.ENOSPC, errno.EDQUOT)
FREE_IT = "Free space there (`sudo docker system prune -a`, `zephyr-deploy down --purge`), then run it again."


class NodeError(Exception):
    """One failure: its kind (of `KINDS`), one sentence, what to do next, and facts for machines."""

    def __init__(self, kind: str, message: str, hint: str = "", **details: object) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.hint = hint
        self.details = details


class GoneError(Exception):
    """Nobody listens any more: the connection was cut, or its other end was killed."""


def free_bytes(path: Path) -> int:
    """What is free where ``path`` is or will be, for programs that are not root's: what is kept for root is no room."""
    place = next(p for p in (path, *path.parents) if p.exists())
    found = os.statvfs(place)
    return found.f_bavail * found.f_frsize


def gigabytes(size: float) -> str:
    """A size for people; two digits behind the point, for what is left on a full disk is little."""
    return f"{size / 1e9:.2f} GB"


def of_disk(error: OSError, what: str, path: Path | None = None, needed: int = 0) -> NodeError:
    """The error behind a failed write.

    Args:
        error: What the system said.
        what: What could not be done.
        path: Where; None: as the error has it.
        needed: How many bytes were to be written still; 0 where that is little.
    """
    place = str(error.filename or path or "")
    if error.errno in FULL:
        free = free_bytes(Path(place or "/"))
        more = f"{gigabytes(needed)} more are needed, and " if needed else ""
        said = f"the node's disk is full: {what}; {more}{gigabytes(free)} are free at {place or '/'}"
        return NodeError("capacity", said, FREE_IT, path=place, needed_bytes=needed, free_bytes=free)
    if error.errno == errno.EROFS:
        hint = "Mount it writable on the node (`sudo mount -o remount,rw ...`), then run it again."
        return NodeError("config", f"{what}: {place} is on a read-only file system", hint, path=place)
    return NodeError(
        "config", f"{what}: {place}: {error.strerror}", "Look at it on the node with `zephyr-deploy ssh`.", path=place
    )
