"""What this machine keeps of one deployment: its release, key, log, and a note of the last start."""

from __future__ import annotations

import os
import secrets
from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import ValidationError

from zephyr_deploy.paths import deployment_dir, private_dir
from zephyr_deploy.spec.base import Frozen
from zephyr_deploy.spec.secret import Secret

if TYPE_CHECKING:
    from pathlib import Path

    from zephyr_deploy.release.release import Release

SETTINGS = "service.json"
"""The one file of an embedded release."""


class Record(Frozen):
    """The last start. Used to tell that a service has died, never to find one that lives."""

    name: str
    release: str
    model_id: str
    port: int
    pid: int
    started_at: datetime
    api_key: bool
    """Whether it asks for a key; the key itself has its own file."""


class Folder:
    """The state folder of one deployment; every file in it is for this user alone."""

    def __init__(self, name: str) -> None:
        self.path: Path = deployment_dir(name).absolute()
        self.log = self.path / "service.log"
        self._record = self.path / "record.json"
        self._key = self.path / "api_key"

    def write_release(self, release: Release) -> Path:
        """Write the files of a release; returns the path of its settings."""
        folder = private_dir(private_dir(self.path) / "releases" / release.id)
        for name, text in release.files.items():
            write_private(folder / name, text)
        return folder / SETTINGS

    def api_key(self) -> Secret:
        """The deployment's key; made when first asked for, and kept until the deployment is forgotten."""
        key = self.known_api_key()
        if key is None:
            key = Secret(secrets.token_urlsafe(32))
            private_dir(self.path)
            write_private(self._key, key.get_secret_value())
        return key

    def forget_api_key(self) -> None:
        """Keep no key: it is given at every start."""
        self._key.unlink(missing_ok=True)

    def known_api_key(self) -> Secret | None:
        """The key as far as it is known here."""
        try:
            return Secret(self._key.read_text()) if self._key.stat().st_size else None
        except OSError:
            return None

    def turn_log(self) -> None:
        """Begin a new log; the one before is kept as ``service.log.1``."""
        if self.log.exists():
            self.log.replace(self.log.with_name(self.log.name + ".1"))

    def write_record(self, record: Record) -> None:
        """Note a start."""
        write_private(self._record, record.model_dump_json())

    def record(self) -> Record | None:
        """The last start; None if there was none, or its note cannot be read."""
        try:
            return Record.model_validate_json(self._record.read_bytes())
        except (OSError, ValidationError):
            return None

    def drop_record(self, pid: int) -> None:
        """Forget the start of the service with that pid: it was stopped, not lost."""
        record = self.record()
        if record and record.pid == pid:
            self._record.unlink(missing_ok=True)


def write_private(path: Path, text: str) -> None:
    """Write a file that only this user can read (mode 0600), whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
