"""Hears that the cloud takes this machine back, says so, and has no new request begin. A systemd service runs it.

An interruptible machine of EC2 has it from its first boot on (`zephyr_deploy.providers.clouds.userdata`), as a file
that stands alone: Python 3.8, and nothing of ours or of anybody else's. The instance metadata service (version 2) has
the notice two minutes before the end; AWS recommends to ask every five seconds ("Spot Instance interruption notices").
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

NOTICE = Path("run/zephyr-deploy-interruption.json")
"""``action`` and ``time`` in UTC, as the cloud says them; it is not there as long as there is no notice."""
GATEWAYS = "zephyr-*-gateway.service"

EVERY_S = 5.0
ANSWER_S = 2.0
"""Longest wait for an answer, in seconds: a service that hangs holds up nothing but the next question."""
CALL_S = 10.0
TOKEN_S = 21600
"""How long a token holds, in seconds; the most there is."""
MOST = 1 << 16
OK, UNAUTHORIZED = 200, 401
TOKEN_PATH, NOTICE_PATH = "/latest/api/token", "/latest/meta-data/spot/instance-action"


class Metadata:
    """The metadata service at ``base``, e.g. http://169.254.169.254."""

    def __init__(self, base: str) -> None:
        url = urlsplit(base)
        self.host, self.port = url.hostname or "", url.port or http.client.HTTP_PORT
        self._token = ""

    def notice(self) -> dict[str, str] | None:
        """What it says of an interruption; None: nothing, or it does not answer."""
        try:
            return self._notice()
        except (OSError, http.client.HTTPException, ValueError):
            return None

    def _notice(self) -> dict[str, str] | None:
        if not self._token:
            status, text = self._ask("PUT", TOKEN_PATH, {"X-aws-ec2-metadata-token-ttl-seconds": str(TOKEN_S)})
            if status != OK:
                return None
            self._token = text.strip()
        status, text = self._ask("GET", NOTICE_PATH, {"X-aws-ec2-metadata-token": self._token})
        if status == UNAUTHORIZED:
            self._token = ""
        return read(json.loads(text)) if status == OK else None

    def _ask(self, method: str, path: str, headers: dict[str, str]) -> tuple[int, str]:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=ANSWER_S)
        try:
            connection.request(method, path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read(MOST).decode(errors="replace")
        finally:
            connection.close()


def read(found: Any) -> dict[str, str] | None:
    """A notice, in its two parts; None where it is none."""
    if not isinstance(found, dict) or "action" not in found:
        return None
    return {"action": str(found["action"]), "time": str(found.get("time", ""))}


def write(path: Path, notice: dict[str, str]) -> None:
    """Write it for whoever asks how the machine is: all of it, or nothing."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_text(json.dumps(notice))
    part.replace(path)


def drain() -> None:
    """Have the gateways end: they take no new request, and let those that run come to their end."""
    try:
        subprocess.call(["systemctl", "stop", "--no-block", GATEWAYS], timeout=CALL_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        note(f"the gateways cannot be stopped: {error}")


def look(root: Path, metadata: Metadata, before: dict[str, str] | None) -> dict[str, str] | None:
    """Ask once, and do what is to be done; the notice there is, which ``before`` was at the last look."""
    found = metadata.notice() or before
    if found is None:
        return None
    if found != before:
        note(f"The cloud takes this machine back ({found['action']}) at {found['time']}. It takes no new request.")
        try:
            write(root / NOTICE, found)
        except OSError as error:
            note(f"/{NOTICE} cannot be written: {error.strerror}")
    drain()  # Each time: a release that is brought now would start its gateway anew.
    return found


def main(base: str, root: Path = Path("/")) -> None:
    """Look for ever."""
    metadata, notice = Metadata(base), None
    while True:
        notice = look(root, metadata, notice)
        time.sleep(EVERY_S)


def note(message: str) -> None:
    """Tell the journal."""
    sys.stdout.write(message + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
