"""Who asks a node for something: for its lock and its history."""

from __future__ import annotations

import getpass
import os
import secrets
import socket

from zephyr_deploy import __version__
from zephyr_deploy.paths import private_dir, state_dir


def who(command: str) -> dict[str, str]:
    """This user on this machine; ``origin`` is one state folder, in which one call at a time works on a deployment."""
    return {
        "user": user(),
        "machine": socket.gethostname(),
        "command": command,
        "version": __version__,
        "origin": _origin(),
    }


def user() -> str:
    """Name of the user who runs this."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run as a user that has no entry in the password file
        return f"user {os.getuid()}"


def _origin() -> str:
    path = private_dir(state_dir()) / "origin"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(descriptor, "w") as file:
        text = secrets.token_hex(8)
        file.write(text)
    return text
