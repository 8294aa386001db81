"""What goes wrong on a node, in words that the other end turns into its own errors."""

from __future__ import annotations

import errno

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
FULL = (errno.ENOSPC, errno.EDQUOT)


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


def of_disk(error: OSError, what: str) -> NodeError:
    """The error behind a failed write of ``what``."""
    place = error.filename or ""
    if error.errno in FULL:
        return NodeError(
            "capacity", f"the node's disk is full: {what}", "Free space on the node, then run it again.", path=place
        )
    if error.errno == errno.EROFS:
        hint = "Mount it writable on the node (`sudo mount -o remount,rw ...`), then run it again."
        return NodeError("config", f"{what}: {place} is on a read-only file system", hint, path=place)
    return NodeError(
        "config", f"{what}: {place}: {error.strerror}", "Look at it on the node with `zephyr-deploy ssh`.", path=place
    )
