"""Lets one more key log in as the user who asks."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import TYPE_CHECKING

from zephyr_deploy.agent.errors import NodeError

if TYPE_CHECKING:
    from typing import Any

    from zephyr_deploy.agent.report import Report


def admit(request: dict[str, Any], _report: Report) -> dict[str, Any]:
    """Add a public key to the user's ``authorized_keys``; ``added`` is False where it stands there already.

    Raises:
        NodeError: ``config``: the key is not one line.
    """
    key = request["key"].strip()
    if not key or "\n" in key:
        raise NodeError("config", "a public key is one line", hint="Write it as in a .pub file.")
    user = pwd.getpwnam(os.environ.get("SUDO_USER") or pwd.getpwuid(os.getuid()).pw_name)
    folder = Path(user.pw_dir) / ".ssh"
    if not folder.is_dir():
        folder.mkdir(mode=0o700)
        os.chown(folder, user.pw_uid, user.pw_gid)
    path = folder / "authorized_keys"
    text = path.read_text() if path.exists() else ""
    if any(key in line for line in text.splitlines()):
        return {"added": False}
    begin = "" if not text or text.endswith("\n") else "\n"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "w") as file:
        os.fchown(descriptor, user.pw_uid, user.pw_gid)
        file.write(f"{begin}{key} zephyr-deploy\n")
    return {"added": True}
