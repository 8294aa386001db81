"""The files of a release in a folder of this machine, to read, to keep or to put under version control."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from zephyr_deploy.release.release import Release

SCRIPT_MODE, FILE_MODE = 0o755, 0o644
"""As on a node; see `zephyr_deploy.agent.store.Store.write_release`."""


def others_in(folder: Path, release: Release) -> tuple[str, ...]:
    """What is in ``folder`` and is not this release, by path: strange files, and ours with other content.

    Raises:
        UsageError: it is no folder.
        ConfigError: it cannot be read.
    """
    try:
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"{folder} is no folder", hint="Give --write a folder; it is made if it is not there.")
        paths = sorted(path for path in folder.rglob("*") if not path.is_dir())
        return tuple(str(path.relative_to(folder)) for path in paths if not _is_ours(path, folder, release))
    except OSError as error:
        raise _failed(folder, error) from error


def write_release(folder: Path, release: Release) -> None:
    """Put the files into ``folder``, which is made; what else is there stays.

    Raises:
        ConfigError: it cannot be written.
    """
    try:
        for path, text in release.files.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text.encode())
            target.chmod(SCRIPT_MODE if path.endswith(".sh") else FILE_MODE)
    except OSError as error:
        raise _failed(folder, error) from error


def _is_ours(path: Path, folder: Path, release: Release) -> bool:
    text = release.files.get(str(path.relative_to(folder)))
    return text is not None and path.is_file() and path.read_bytes() == text.encode()


def _failed(folder: Path, error: OSError) -> ConfigError:
    return ConfigError(f"{folder}: {error.strerror or error}", hint="Give --write another folder.")
