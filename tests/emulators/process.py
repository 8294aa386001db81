"""`make emulators` as a process of its own, as a newcomer has it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lab.places import LAB_DIR

from zephyr_deploy.deploy.rehearse import NOTE

if TYPE_CHECKING:
    from collections.abc import Iterator

TESTS = Path(__file__).parents[1]
STARTS_S = 120.0
ENDS_S = 60.0


def start(state: Path) -> subprocess.Popen[str]:
    """Start it for the user who has that state folder; see `running`."""
    env = {**os.environ, "ZEPHYR_STATE_DIR": str(state), "ZEPHYR_LAB_DIR": str(LAB_DIR)}
    env["PYTHONPATH"] = os.pathsep.join([str(TESTS), str(TESTS.parent)])
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([sys.executable, "-m", "emulators"], text=True, env=env, **pipes)


@contextmanager
def running(state: Path) -> Iterator[subprocess.Popen[str]]:
    """It serves while the body runs, and is ended then by Ctrl-C, where the body has not done so."""
    process, note = start(state), state / "rehearsal" / NOTE
    deadline = time.monotonic() + STARTS_S
    try:
        while not note.exists():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.2)
        yield process
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=ENDS_S)
    finally:
        process.kill()
        process.wait()
