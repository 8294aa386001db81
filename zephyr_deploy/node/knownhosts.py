"""Host keys and the files that hold them, in OpenSSH's format (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT)."""

from __future__ import annotations

import base64
import binascii
import fnmatch
import hashlib
import hmac
import os
import re
import threading
from typing import TYPE_CHECKING, NamedTuple

from zephyr_deploy.errors import ConfigError
from zephyr_deploy.paths import private_dir
from zephyr_deploy.spec.base import Frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


class HostKey(Frozen):
    """The public key by which a machine proves that it is the same one."""

    type: str
    """E.g. ``ssh-ed25519``."""
    base64: str

    @classmethod
    def parse(cls, text: str) -> HostKey:
        """Read ``type base64 [comment]``, as in a ``.pub`` file.

        Raises:
            ConfigError: it is none.
        """
        fields = text.split()
        if len(fields) < 2 or not _is_key(fields[1], fields[0]):  # noqa: PLR2004 - type and key
            raise ConfigError(f"{text[:60]!r} is no public key", hint="Write it as in a .pub file: ssh-ed25519 AAAA…")
        return cls(type=fields[0], base64=fields[1])

    @property
    def fingerprint(self) -> str:
        """``SHA256:…``, as ssh and ssh-keygen print it."""
        digest = hashlib.sha256(base64.b64decode(self.base64)).digest()
        return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


class Known(NamedTuple):
    """What some files say about one name."""

    keys: tuple[HostKey, ...]
    revoked: tuple[HostKey, ...]


class _Line(NamedTuple):
    marker: str
    names: str
    key: HostKey


def read_known(files: Iterable[Path], name: str) -> Known:
    """The keys that ``files`` hold for ``name`` (``host`` or ``[host]:port``); files that are not there hold none.

    Hashed names, patterns and ``@revoked`` are read; certificate authorities are not.
    """
    keys: list[HostKey] = []
    revoked: list[HostKey] = []
    for line in (line for file in files for line in _lines(file)):
        if line.marker in {"", "@revoked"} and _matches(line.names, name):
            (revoked if line.marker else keys).append(line.key)
    return Known(tuple(keys), tuple(revoked))


_one_at_a_time = threading.Lock()
"""Several machines of a deployment are pinned side by side; between processes the deployment's own lock does it."""


class PinFile:
    """A ``known_hosts`` file of this tool's own: names in the clear, mode 0600, written whole or not at all."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def keys(self, name: str) -> tuple[HostKey, ...]:
        """The keys that are pinned under ``name``."""
        return read_known([self.path], name).keys

    def pin(self, key: HostKey, *names: str) -> None:
        """Let ``key`` be the only one of these names.

        Raises:
            CapacityError: the disk is full.
            ConfigError: the file cannot be written.
        """
        with _one_at_a_time:
            self._write([*self._others(names), f"{','.join(names)} {key.type} {key.base64}"])

    def forget(self, *names: str) -> None:
        """Take every pin of these names away, as when their machine is gone."""
        with _one_at_a_time:
            if self.path.exists():
                self._write(self._others(names))

    def _others(self, names: tuple[str, ...]) -> list[str]:
        """The lines as they are without these names."""
        kept = []
        for line in _lines(self.path):
            left = [name for name in line.names.split(",") if name not in names]
            if left:
                kept.append(f"{','.join(left)} {line.key.type} {line.key.base64}")
        return kept

    def _write(self, lines: list[str]) -> None:
        private_dir(self.path.parent)
        write_private(self.path, "".join(line + "\n" for line in lines))


def write_private(path: Path, text: str, mode: int = 0o600) -> None:
    """Write a file of this user's, whole or not at all.

    Raises:
        ConfigError: it cannot be written.
    """
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            os.fchmod(descriptor, mode)
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        hint = f"See: ls -ld {path.parent}; df {path.parent}"
        raise ConfigError(f"{path} cannot be written: {error.strerror}", hint=hint) from error


def _lines(file: Path) -> Iterator[_Line]:
    try:
        text = file.read_text(errors="replace")
    except OSError:
        return
    for line in text.splitlines():
        fields = line.split()
        marker = fields.pop(0) if fields and fields[0].startswith("@") else ""
        if len(fields) >= 3 and not fields[0].startswith("#") and _is_key(fields[2], fields[1]):  # noqa: PLR2004
            yield _Line(marker, fields[0], HostKey(type=fields[1], base64=fields[2]))


def _is_key(text: str, kind: str) -> bool:
    """Whether it is base64 of a key that names its own type, as every SSH key does."""
    try:
        blob = base64.b64decode(text, validate=True)
    except binascii.Error:
        return False
    return blob[4 : 4 + int.from_bytes(blob[:4], "big")] == kind.encode()


def _matches(names: str, name: str) -> bool:
    if names.startswith("|1|"):
        return _is_hash_of(names, name)
    patterns = names.lower().split(",")
    refused = any(pattern.startswith("!") and _fits(pattern[1:], name) for pattern in patterns)
    return not refused and any(_fits(pattern, name) for pattern in patterns)


def _fits(pattern: str, name: str) -> bool:
    # Brackets are part of names here; fnmatch would read them as a set of characters.
    return fnmatch.fnmatchcase(name.lower(), re.sub(r"\[", "[[]", pattern))


def _is_hash_of(hashed: str, name: str) -> bool:
    try:
        _, _, salt, digest = hashed.split("|")
        expected = base64.b64decode(digest, validate=True)
        found = hmac.new(base64.b64decode(salt, validate=True), name.encode(), hashlib.sha1).digest()
    except (ValueError, binascii.Error):
        return False
    return hmac.compare_digest(found, expected)
