"""One piece of work at a time on a deployment, on this machine.

The note beside the lock only tells others who holds it.
"""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from filelock import Timeout
from pydantic import ValidationError

from zephyr_deploy.deploy.origin import user
from zephyr_deploy.errors import LockedError
from zephyr_deploy.locks import acquire
from zephyr_deploy.paths import checked_name, require_own_state, state_dir
from zephyr_deploy.spec.base import Frozen

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Holder(Frozen):
    """Who holds a lock."""

    command: str
    user: str
    pid: int
    since: datetime


@contextmanager
def deployment_lock(name: str, command: str, *, wait_s: float = 0) -> Iterator[None]:
    """Hold the lock of deployment ``name`` while the body runs; wait for it up to ``wait_s`` seconds.

    Raises:
        ConfigError: ``name`` is none, or the state folder is another user's.
        LockedError: someone else still holds it after that time; the message says who.
    """
    require_own_state()
    path = state_dir() / "locks" / f"{checked_name(name)}.lock"
    note = path.with_suffix(".json")
    try:
        lock = acquire(path, wait_s)
    except Timeout as error:
        raise _locked(name, note, wait_s) from error
    try:
        with suppress(OSError):  # The disk may be full, and `down` must work all the same.
            note.write_text(_me(command).model_dump_json())
        yield
    finally:
        # Deleted while held: a waiter that gets the unlinked file notices and opens a new one.
        note.unlink(missing_ok=True)
        path.unlink(missing_ok=True)
        lock.release()


def _me(command: str) -> Holder:
    return Holder(command=command, user=user(), pid=os.getpid(), since=datetime.now(timezone.utc))


def _locked(name: str, note: Path, wait_s: float) -> LockedError:
    waited = f" (waited {wait_s:g} s)" if wait_s else ""
    hint = "Wait for it with --lock-wait 5m, or end that process."
    try:
        holder = Holder.model_validate_json(note.read_text())
    except (OSError, ValidationError):
        return LockedError(f"deployment {name} is being worked on by another process{waited}", hint=hint)
    who = f"`{holder.command}` of {holder.user} (pid {holder.pid}, since {holder.since:%H:%M:%S} UTC)"
    return LockedError(
        f"deployment {name} is locked by {who}{waited}", hint=hint, details=holder.model_dump(mode="json")
    )
