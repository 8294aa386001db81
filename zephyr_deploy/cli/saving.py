"""Writes what took long to measure to a file, whole or not at all; and elsewhere, where that cannot be."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from zephyr_deploy.errors import CapacityError, UsageError, ZephyrError
from zephyr_deploy.paths import FULL


def check_place(path: Path) -> None:
    """Before the measurement, not after it.

    Raises:
        UsageError: nothing can be written there.
    """
    if path.is_dir():
        raise UsageError(f"{path} is a folder.", hint=f"Name a file in it: {path / 'report.json'}")
    if not path.parent.is_dir():
        raise UsageError(f"There is no folder {path.parent}.", hint=f"mkdir -p {path.parent}")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise UsageError(f"{path} cannot be written.", hint=f"ls -ld {path if path.exists() else path.parent}")


def save(text: str, path: Path, what: str = "report") -> ZephyrError | None:
    """Write ``text``, of which ``what`` is the name, to ``path``.

    Returns:
        The error where that cannot be, which says where the text is instead; else None.
    """
    from zephyr_deploy.bench.saved import write_whole

    try:
        write_whole(path, text)
    except OSError as error:
        return _elsewhere(text, path, what, error)
    return None


def _elsewhere(text: str, path: Path, what: str, error: OSError) -> ZephyrError:
    kind = CapacityError if error.errno in FULL else UsageError
    message = f"The {what} cannot be written to {path}: {error.strerror}"
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", prefix="zephyr-deploy-bench-", suffix=path.suffix, delete=False
        ) as file:
            file.write(text)
    except OSError as other:
        hint = "Make room and measure again; with --output json the report is on stdout as well."
        return kind(f"{message}, nor to {tempfile.gettempdir()}: {other.strerror}.", hint=hint)
    return kind(f"{message}. It is in {file.name} instead.", hint=f"mv {file.name} {path}")
