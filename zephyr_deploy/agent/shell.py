"""Other programs of the node, each with a deadline."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from zephyr_deploy.agent.errors import NodeError

if TYPE_CHECKING:
    from collections.abc import Sequence

ENDED_BY_DEADLINE = 124
MISSING = 127


class Done:
    """How a program ended: ``code`` 127 where there is none of that name, 124 where it was ended by the deadline."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.out = out
        self.err = err

    @property
    def ok(self) -> bool:
        """Whether it ended well."""
        return self.code == 0

    @property
    def last_word(self) -> str:
        """The last line that it said."""
        lines = (self.err.strip() or self.out.strip()).splitlines()
        return lines[-1].strip() if lines else f"exit code {self.code}"


def run(command: Sequence[str], timeout_s: float = 20.0, stdin: str = "") -> Done:
    """Run a program and wait for its end; never raises for how it ended."""
    try:
        ended = subprocess.run(
            list(command),
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=timeout_s,
            text=True,
            errors="replace",
            check=False,
        )
    except FileNotFoundError:
        return Done(MISSING, "", f"{command[0]} is not installed")
    except subprocess.TimeoutExpired:
        return Done(ENDED_BY_DEADLINE, "", f"{command[0]} did not end within {timeout_s:g} s")
    return Done(ended.returncode, ended.stdout, ended.stderr)


def must(command: Sequence[str], what: str, timeout_s: float = 20.0, kind: str = "config") -> str:
    """Run a program that has to end well; its output.

    Raises:
        NodeError: it did not; the message begins with ``what``.
    """
    done = run(command, timeout_s)
    if not done.ok:
        raise NodeError(kind, f"{what}: {done.last_word}", command=" ".join(command), output=done.err[-2000:])
    return done.out
