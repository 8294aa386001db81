"""Finds a Docker engine for the lab, or starts one of the lab's own.

An engine that answers is used as it is. Otherwise root, with Debian's docker.io and iptables, gets one whose files
are all the lab's (`places`). It is left running, because starting it and filling it costs more than keeping it;
`make lab-clean` ends it. Parallel test workers share it: a file lock makes one start it and the others wait.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from typing import TYPE_CHECKING

from filelock import FileLock
from lab.docker import Docker, LabError, LabUnavailableError
from lab.places import LAB_DIR, private_dir, run_dir

if TYPE_CHECKING:
    from pathlib import Path

START_S = 60.0
STOP_S = 30.0
INFO_S = 15.0
NEEDED = {"dockerd": "docker.io", "docker": "docker.io", "iptables": "iptables"}
"""Program → Debian's package of it."""


def find_engine() -> Docker:
    """The engine to use, running.

    Raises:
        LabUnavailableError: there is none and none can be started; says what to install.
    """
    if shutil.which("docker") is not None and _answers(Docker()):
        return Docker()
    _check_means()
    private_dir(LAB_DIR)
    own = own_engine()
    with FileLock(LAB_DIR / "engine.lock", timeout=2 * START_S):
        if not _answers(own):
            _start(own)
    return own


def own_engine() -> Docker:
    """The lab's own engine, running or not."""
    return Docker(f"unix://{run_dir() / 'docker.sock'}")


def stop_own_engine() -> None:
    """End the lab's own engine and wait until it is gone; nothing happens where there is none.

    Raises:
        LabError: it is still there after `STOP_S` seconds.
    """
    pid = _pid()
    if pid is None:
        return
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_S
    while _pid() is not None:
        if time.monotonic() > deadline:
            raise LabError(f"the lab's dockerd (pid {pid}) does not end: kill -9 {pid}")
        time.sleep(0.1)


def _answers(engine: Docker) -> bool:
    if engine.host and not (run_dir() / "docker.sock").exists():
        return False
    return engine.try_("info", "--format", "{{.ServerVersion}}", timeout_s=INFO_S).returncode == 0


def _check_means() -> None:
    missing = sorted({package for program, package in NEEDED.items() if shutil.which(program) is None})
    if os.geteuid() != 0:
        raise LabUnavailableError("no Docker engine answers (docker info), and only root can start one for the lab")
    if missing:
        raise LabUnavailableError(
            f"no Docker engine answers; for one of the lab's own: apt-get install {' '.join(missing)}"
        )


def _start(engine: Docker) -> None:
    run, log = private_dir(run_dir()), LAB_DIR / "dockerd.log"
    if _pid() is None:
        (run / "docker.pid").unlink(missing_ok=True)
    with log.open("ab") as out:
        process = subprocess.Popen(
            _command(run), stdout=out, stderr=out, stdin=subprocess.DEVNULL, start_new_session=True
        )
    deadline = time.monotonic() + START_S
    while not _answers(engine):
        if process.poll() is not None or time.monotonic() > deadline:
            raise LabUnavailableError(f"the lab's dockerd does not start; it says why in {log}")
        time.sleep(0.1)


def _command(run: Path) -> list[str]:
    return [
        "dockerd",
        f"--host=unix://{run / 'docker.sock'}",
        f"--data-root={LAB_DIR / 'docker'}",
        f"--exec-root={run / 'exec'}",
        f"--pidfile={run / 'docker.pid'}",
    ]


def _pid() -> int | None:
    """Process id of the lab's own dockerd; a number that now belongs to something else does not count."""
    try:
        pid = int((run_dir() / "docker.pid").read_text())
        with open(f"/proc/{pid}/cmdline", "rb") as command:  # noqa: PTH123 - shorter than a Path for a /proc file
            return pid if str(LAB_DIR).encode() in command.read() else None
    except (OSError, ValueError):
        return None
