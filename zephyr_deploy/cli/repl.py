"""The conversation of ``zephyr-deploy chat`` on a terminal."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from zephyr_deploy.cli.answer import answer
from zephyr_deploy.cli.terminal import utf8
from zephyr_deploy.errors import ZephyrError

if TYPE_CHECKING:
    from collections.abc import Callable

    from zephyr_deploy.cli.output import Output
    from zephyr_deploy.endpoint.chat import Conversation

HELP = """\
/system TEXT   set the system prompt; without TEXT: take it away
/clear         forget what was said
/exit          leave (Ctrl-D does the same)
Ctrl-C stops an answer."""


class Repl:
    """Reads questions and commands until the user leaves.

    Args:
        talk: The conversation.
        out: Where answers and notes go.
        read: Gives the next line; raises EOFError at the end and KeyboardInterrupt for Ctrl-C.
    """

    def __init__(self, talk: Conversation, out: Output, read: Callable[[], str] | None = None) -> None:
        self._talk = talk
        self._out = out
        self._read = read or _read

    def run(self) -> None:
        """Hold the conversation; an error ends an answer and not the conversation."""
        self._out.note("/help lists the commands; Ctrl-C stops an answer, Ctrl-D leaves.")
        while True:
            try:
                line = self._read().strip()
            except EOFError:
                self._out.note("")
                return
            except KeyboardInterrupt:
                self._out.note("\n/exit or Ctrl-D leaves.")
                continue
            if line in {"/exit", "/quit"}:
                return
            if line:
                self._take(line)

    def _take(self, line: str) -> None:
        try:
            line = utf8(line, "This line")
            if line.startswith("/"):
                self._command(*line.split(maxsplit=1))
            else:
                answer(self._out, self._talk, line)
        except KeyboardInterrupt:
            self._out.note("\nStopped.")
        except ZephyrError as error:
            self._out.warn(error.message)
            if error.hint:
                self._out.hint(error.hint)

    def _command(self, command: str, rest: str = "") -> None:
        if command == "/clear":
            self._talk.clear()
            self._out.note("Forgotten.")
        elif command == "/system":
            self._talk.system = rest or None
            self._out.note("The system prompt is set." if rest else "There is no system prompt now.")
        else:
            self._out.note(HELP if command == "/help" else f"There is no {command}.\n{HELP}")


def _read() -> str:
    """One line from the terminal, with editing and history where this Python has readline."""
    with suppress(ImportError):
        import readline  # noqa: F401
    # Where answers go into a file or pipe, the prompt must not.
    return input("> " if sys.stdout.isatty() else "")
