"""Where zephyr.lock is, and what is in it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from zephyr_deploy.errors import ConfigError

if TYPE_CHECKING:
    from zephyr_deploy.release.lockfile import LockFile

FILE = "zephyr.lock"
STRANGE = re.compile(r"[^\w.-]")
"""What a profile may be called, and no file should be."""


def lock_path(config: Path | None, profile: str | None, cwd: Path) -> Path:
    """Where the lock of a file and its profile is: zephyr.lock beside zephyr.toml, zephyr.PROFILE.lock for a profile.

    Args:
        config: The file; None: there is none, and the lock is in ``cwd``.
        profile: Of the file; None: none.
        cwd: The working directory.
    """
    path = (config or cwd / FILE).with_suffix(".lock")
    return path.with_name(f"{path.stem}.{STRANGE.sub('-', profile)}.lock") if profile else path


def found_lock(path: Path) -> LockFile | None:
    """The lock at ``path``; None where there is none.

    Raises:
        ConfigError: it cannot be read, or is none.
    """
    try:
        text = path.read_bytes().decode()
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is no text", hint="`zephyr-deploy lock` writes it anew.") from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}", hint=f"See: ls -l {path}") from error
    from zephyr_deploy.release.lockfile import read_lock  # for those who have one

    return read_lock(text, path.name)


def required_lock(path: Path) -> LockFile:
    """The lock at ``path``.

    Raises:
        ConfigError: there is none, or none that can be read.
    """
    found = found_lock(path)
    if found is None:
        raise ConfigError(f"there is no {path.name} in {path.parent}", hint="`zephyr-deploy lock` writes it.")
    return found
