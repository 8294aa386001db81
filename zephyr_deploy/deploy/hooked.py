"""One call of a hook: its output is told line by line, and it ends by its deadline with all that it has started."""

from __future__ import annotations

import errno
import os
import select
import signal
import subprocess
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

from zephyr_deploy.errors import HookError
from zephyr_deploy.spec.durations import format_duration

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

GRACE_S = 2.0
"""Between being asked to end and being made to, in seconds."""
LOOK_S = 0.1
"""How often it is looked whether it has ended, while something that it has started holds its output."""
AFTER_S = 1.0
"""How long the output of what it has left running is listened to, in seconds."""
KEPT = 50
"""Lines of its output that go with an error."""
LINE = 8192
"""Bytes: a line that is longer is told in pieces."""


def call(
    path: Path, environment: Mapping[str, str], folder: Path, deadline_s: float, say: Callable[[str], None]
) -> None:
    """Run the hook, and wait for it.

    Args:
        path: Of the program; it gets no arguments and no input.
        environment: All of its variables.
        folder: Where it runs.
        deadline_s: How long it may take, in seconds.
        say: Is told each line of its output, which begins with the hook's name.

    Raises:
        HookError: it ended with an error, did not end, or cannot be run.
    """
    heard = _Heard(path.name, say)
    process = _begun(path, environment, folder)
    try:
        ended = _listen(process, heard, time.monotonic() + deadline_s)
    finally:
        if process.poll() is None:
            _end(process)
        _close(process)
        heard.rest()
    details = {"hook": path.name, "output": list(heard.kept)}
    hint = f"See {path}; --skip-hooks goes on without hooks."
    if not ended:
        said = f"the hook {path.name} did not end within {_length(deadline_s)}, and was ended with what it had started"
        raise HookError(said, hint=hint, details=details)
    if process.returncode:
        raise HookError(f"the hook {path.name} ended with {_ending(process.returncode)}", hint=hint, details=details)


class _Heard:
    """Output, cut into lines; the last ones are kept."""

    def __init__(self, name: str, say: Callable[[str], None]) -> None:
        self.kept: deque[str] = deque(maxlen=KEPT)
        self._name = name
        self._say = say
        self._open = b""

    def take(self, data: bytes) -> None:
        *lines, self._open = (self._open + data).split(b"\n")
        for line in lines:
            self._tell(line)
        if len(self._open) > LINE:
            self.rest()

    def rest(self) -> None:
        """What stands after the last end of a line is one, too."""
        if self._open:
            self._tell(self._open)
            self._open = b""

    def _tell(self, line: bytes) -> None:
        text = line.decode(errors="replace").rstrip()
        self.kept.append(text)
        self._say(f"{self._name}: {text}")


def _begun(path: Path, environment: Mapping[str, str], folder: Path) -> subprocess.Popen[bytes]:
    if not path.is_file() or not os.access(path, os.X_OK):
        why, hint = ("is no file", f"ls -l {path}") if not path.is_file() else ("is not executable", f"chmod +x {path}")
        raise HookError(f"the hook {path} {why}", hint=hint)
    try:
        return subprocess.Popen(
            [path],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches us alone; what it has started can be ended with it
        )
    except OSError as error:
        hint = f"See: ls -l {path}"
        if error.errno in {errno.ENOEXEC, errno.ENOENT}:
            hint = f"Its first line must name a program that is here, e.g. #!/bin/sh: head -1 {path}"
        raise HookError(f"the hook {path} cannot be run: {error.strerror}", hint=hint) from error


def _listen(process: subprocess.Popen[bytes], heard: _Heard, until: float) -> bool:
    """Take what it says until it has ended; False: it has not by then."""
    pipe = process.stdout.fileno() if process.stdout else -1
    while (left := until - time.monotonic()) > 0:
        over = process.poll() is not None
        if over:
            # A program that it has left running may hold its output for ever, and may write into it for ever.
            until = min(until, time.monotonic() + AFTER_S)
        ready, _, _ = select.select([pipe], [], [], min(left, LOOK_S))
        data = os.read(pipe, LINE) if ready else b""
        heard.take(data)
        if over and not data:
            return True
        if ready and not data:
            with suppress(subprocess.TimeoutExpired):  # It has closed its output, and goes on.
                process.wait(max(0.0, until - time.monotonic()))
            return process.poll() is not None
    return process.poll() is not None


def _end(process: subprocess.Popen[bytes]) -> None:
    """Have it end, and whatever it has started; while it is not waited for, its group cannot be another's."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    until = time.monotonic() + GRACE_S
    seen = os.WEXITED | os.WNOHANG | os.WNOWAIT
    while os.waitid(os.P_PID, process.pid, seen) is None and time.monotonic() < until:
        time.sleep(LOOK_S / 2)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _close(process: subprocess.Popen[bytes]) -> None:
    if process.stdout:
        process.stdout.close()


def _length(seconds: float) -> str:
    from datetime import timedelta

    return format_duration(timedelta(seconds=seconds))


def _ending(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
