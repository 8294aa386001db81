"""Lets keys log in as the user who asks: for good, or until a time after which sshd itself refuses them."""

from __future__ import annotations

import fcntl
import os
import pwd
import re
import stat
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from zephyr_deploy.agent.errors import NodeError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from zephyr_deploy.agent.report import Report

GUEST = re.compile(r" zephyr-deploy guest (\d+)$")
"""Ends the line of a guest's key, with the second at which its time is over, since 1970."""


def admit(request: dict[str, Any], _report: Report) -> dict[str, Any]:
    """Let the public key ``key`` log in; with ``for_s`` for that many seconds, by this machine's own clock.

    ``added`` is False where it may already for as long. Guests' keys whose time is over are taken out on the way.

    Raises:
        NodeError: ``config``: the key is not one line.
    """
    key, for_s = _checked(request["key"]), request.get("for_s")
    with _authorized_keys() as path:
        lines = _lines(path)
        kept = [line for line in lines if not _is_over(line)]
        there = [line for line in kept if key in line]
        if for_s is None and any(not GUEST.search(line) for line in there):
            added = False
        else:
            # A guest's key is of one run: whoever put it here, its cloud say, has put it here for that run alone.
            kept = [line for line in kept if key not in line]
            kept.append(f"{key} zephyr-deploy" if for_s is None else _guest_line(key, float(for_s)))
            added = True
        if kept != lines:
            _write(path, kept)
    return {"added": added}


def dismiss(request: dict[str, Any], _report: Report) -> dict[str, Any]:
    """Take a guest's key out again; ``removed`` is False where it is none of a guest's, or gone."""
    key = _checked(request["key"])
    with _authorized_keys() as path:
        lines = _lines(path)
        kept = [line for line in lines if not (_is_over(line) or (key in line and GUEST.search(line)))]
        if kept != lines:
            _write(path, kept)
    return {"removed": any(key in line for line in lines) and not any(key in line for line in kept)}


def _checked(text: str) -> str:
    key = text.strip()
    if not key or "\n" in key:
        raise NodeError("config", "a public key is one line", hint="Write it as in a .pub file.")
    return key


def _guest_line(key: str, for_s: float) -> str:
    """The key with the time after which sshd refuses it (sshd(8), ``expiry-time``).

    It is written in the machine's own time zone, as every sshd since 7.7 reads it; one in UTC only those since 9.1 do.
    An older one refuses the whole line.
    """
    end = int(time.time() + for_s)
    return f'expiry-time="{_local(end)}" {key} zephyr-deploy guest {end}'


def _local(second: int) -> str:
    said = os.environ.pop("TZ", None)  # of whoever calls: sshd goes by the machine's
    time.tzset()
    try:
        return time.strftime("%Y%m%d%H%M%S", time.localtime(second))
    finally:
        if said is not None:
            os.environ["TZ"] = said
            time.tzset()


def _is_over(line: str) -> bool:
    found = GUEST.search(line)
    return found is not None and int(found[1]) <= time.time()


@contextmanager
def _authorized_keys() -> Iterator[Path]:
    """The user's ``authorized_keys``, which nobody else changes meanwhile by this program; there may be none yet."""
    user = pwd.getpwnam(os.environ.get("SUDO_USER") or pwd.getpwuid(os.getuid()).pw_name)
    folder = Path(user.pw_dir) / ".ssh"
    if not folder.is_dir():
        folder.mkdir(mode=0o700)
        os.chown(folder, user.pw_uid, user.pw_gid)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        path = Path(os.path.realpath(folder / "authorized_keys"))
        if not path.exists():
            path.touch(mode=0o600)
            os.chown(path, user.pw_uid, user.pw_gid)
        yield path
    finally:
        os.close(descriptor)


def _lines(path: Path) -> list[str]:
    """Bytes that are no text, as in an old comment, stay what they are."""
    return path.read_text(encoding="utf-8", errors="surrogateescape").splitlines()


def _write(path: Path, lines: list[str]) -> None:
    """Write it whole or not at all, for its owner, with its mode: sshd may read it at any time."""
    about, partial = path.stat(), path.with_name(f"{path.name}.{os.getpid()}.partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
            os.fchown(descriptor, about.st_uid, about.st_gid)
            os.fchmod(descriptor, stat.S_IMODE(about.st_mode))
            file.write("".join(f"{line}\n" for line in lines))
            file.flush()
            os.fsync(descriptor)
        partial.replace(path)
    except OSError:
        partial.unlink()
        raise
