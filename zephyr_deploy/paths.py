"""Where this tool keeps things on the user's machine.

State (journal, records, logs) and cache (models) are apart: either may be deleted at any time.
``ZEPHYR_STATE_DIR`` and ``ZEPHYR_CACHE_DIR`` move them; otherwise the XDG folders are used. What the user has written
for all deployments is in the XDG folder of configuration, and is only read.
"""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from platformdirs import user_cache_path, user_config_path, user_state_path

from zephyr_deploy.errors import CapacityError, ConfigError, ZephyrError

if TYPE_CHECKING:
    from collections.abc import Callable

APP = "zephyr-deploy"
TRIES = 50
"""How often a folder may vanish under whoever makes it."""
NAME_PATTERN = r"^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$"
"""What the name of a deployment may be: it becomes part of paths, argv and labels."""
NAME_WORDS = "at most 40 lower-case letters, digits and dashes, beginning with a letter and not ending with a dash"
FULL = {errno.ENOSPC, errno.EDQUOT}


def state_dir() -> Path:
    """The folder of journals, records and logs; not created here.

    Raises:
        ConfigError: ``ZEPHYR_STATE_DIR`` is no absolute path.
    """
    return _said("ZEPHYR_STATE_DIR") or _at_home(user_state_path)


def cache_dir() -> Path:
    """The folder of downloaded models; not created here.

    Raises:
        ConfigError: ``ZEPHYR_CACHE_DIR`` is no absolute path.
    """
    return _said("ZEPHYR_CACHE_DIR") or _at_home(user_cache_path)


def counts_dir() -> Path:
    """What is known of how models count tokens; among the downloaded models, with which it is deleted."""
    return cache_dir() / "models" / "tokens"


def config_dir() -> Path:
    """The folder of files that the user writes for all deployments, e.g. gpus.toml; there may be none.

    Raises:
        ConfigError: this user has no home.
    """
    return _at_home(user_config_path)


def _said(variable: str) -> Path | None:
    """The folder that the user has set; a relative one would be another in every working directory."""
    text = os.environ.get(variable)
    if text and not Path(text).is_absolute():
        raise ConfigError(f"{variable}={text} is not an absolute path", hint=f'export {variable}="$PWD/{text}"')
    return Path(text) if text else None


def deployment_dir(name: str) -> Path:
    """The folder of one deployment's state; not created here.

    Raises:
        ConfigError: ``name`` is none: as a path it could lead anywhere.
    """
    return state_dir() / "deployments" / checked_name(name)


def require_own_state() -> None:
    """See that the deployments noted here are this user's: those of another can be neither found nor stopped.

    Raises:
        ConfigError: they are not, as after ``sudo`` with the caller's HOME.
    """
    folder = state_dir() / "deployments"
    if folder.is_dir() and folder.stat().st_uid != os.getuid():
        hint = f"Run it as that user (see ls -ld {folder}), or set ZEPHYR_STATE_DIR to a folder of your own."
        raise ConfigError(f"the deployments in {folder} belong to another user", hint=hint)


def is_name(text: str) -> bool:
    """Whether a deployment can be called so."""
    return re.fullmatch(NAME_PATTERN, text) is not None


def checked_name(name: str) -> str:
    """The name itself.

    Raises:
        ConfigError: no deployment can be called so.
    """
    if is_name(name):
        return name
    raise ConfigError(f"{name!r} cannot be the name of a deployment", hint=f"Write {NAME_WORDS}; see zephyr-deploy ls.")


def private_dir(path: Path) -> Path:
    """Create ``path``, and what is missing above it, for this user alone (mode 0700); return it.

    Raises:
        CapacityError: the disk is full.
        ConfigError: it cannot be made, e.g. because this user may not write there.
    """
    last = OSError()
    for _ in range(TRIES):
        try:
            for folder in [*reversed(path.parents), path]:
                folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            last = error
            # Gone between two calls, once it was there: a `down` takes empty folders away. A file stays in the way.
            vanished = isinstance(error, FileNotFoundError | FileExistsError) and not _has_file(path)
            if not vanished:
                break
        else:
            return path
    raise _unusable(path, last) from last


def _has_file(path: Path) -> bool:
    return any(folder.is_file() for folder in (path, *path.parents))


def _unusable(path: Path, error: OSError) -> ZephyrError:
    hint = "Point ZEPHYR_STATE_DIR or ZEPHYR_CACHE_DIR at a folder of yours with room in it."
    kind = CapacityError if error.errno in FULL else ConfigError
    return kind(f"the folder {path} cannot be made: {error.strerror}", hint=hint)


def _at_home(place: Callable[..., Path]) -> Path:
    """The place below the user's home; a user may have none, in a container or a service."""
    hint = "Set HOME, or ZEPHYR_STATE_DIR and ZEPHYR_CACHE_DIR."
    try:
        path = place(APP, appauthor=False)
    except RuntimeError as error:  # newer platformdirs; older ones return a path that begins with ~
        raise ConfigError("this user has no home folder to keep state in", hint=hint) from error
    if not path.is_absolute():
        raise ConfigError("this user has no home folder to keep state in", hint=hint)
    return path
