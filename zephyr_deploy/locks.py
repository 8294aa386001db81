"""Locks between processes of this machine.

They are the kernel's (``flock``), so none outlives its holder, however that ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from filelock import FileLock

from zephyr_deploy.errors import LockedError
from zephyr_deploy.paths import TRIES, private_dir

if TYPE_CHECKING:
    from pathlib import Path


def acquire(path: Path, wait_s: float) -> FileLock:
    """Get the lock on ``path``, whose folder is made if it is missing; the caller releases it.

    Args:
        path: Of the file that is locked; its holder may delete it, and its folder, while others wait.
        wait_s: How long to wait, in seconds, while another process holds it.

    Raises:
        filelock.Timeout: another process still holds it after that time.
        CapacityError: the folder cannot be made: the disk is full.
        ConfigError: the folder cannot be made.
        LockedError: the folder vanishes whenever it is made.
    """
    lock = FileLock(path, timeout=wait_s, mode=0o600)
    for _ in range(TRIES):
        private_dir(path.parent)
        try:
            lock.acquire()
        except (FileNotFoundError, FileExistsError):
            # The folder was deleted, before the file was opened or while filelock made the folder anew.
            # A file in the folder's place gives the same error: private_dir then says so.
            continue
        return lock
    raise LockedError(f"the folder {path.parent} vanishes whenever it is made", hint="Try again.")
