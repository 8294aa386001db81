"""The one object through which commands speak: data to stdout, everything else to stderr.

The JSON that it prints is described by ``zephyr_deploy/data/output.schema.json``.
"""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager, nullcontext
from functools import cached_property
from typing import TYPE_CHECKING, TextIO

from zephyr_deploy.cli.hints import Given
from zephyr_deploy.cli.terminal import ReaderGoneError, console, is_live, tolerant, unicode_capable, visible
from zephyr_deploy.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from rich.console import Console, RenderableType

    from zephyr_deploy.cli.failure import Failure
    from zephyr_deploy.cli.options import Mode
    from zephyr_deploy.cli.progress import Live, Phase
    from zephyr_deploy.events import Listener

SHOWN_LINES = 15
"""Of a log that goes with an error; JSON has all that there are."""
SCHEMA = "zephyr-deploy/1"
"""Version of the JSON; it grows by new fields, and the number changes when a field changes or goes."""


class Output:
    """How a command speaks, in one of three modes.

    - ``table``: for people. Data on stdout, notes and progress on stderr.
    - ``json``: one JSON document on stdout, or one line an item for what streams.
    - ``quiet``: the bare names or numbers on stdout; of the rest only warnings and errors.
    """

    def __init__(
        self, mode: Mode = "table", *, yes: bool = False, stdout: TextIO | None = None, stderr: TextIO | None = None
    ) -> None:
        self.mode = mode
        self.given = Given()
        """What the call was given; the commands in hints are completed by it."""
        self._yes = yes
        self._live: Live | None = None
        self._stdout = tolerant(stdout or sys.stdout)
        self._stderr = tolerant(stderr or sys.stderr)
        self._answered = False
        self._within_line = False

    def result(
        self,
        kind: str,
        data: object,
        *,
        table: Callable[[], RenderableType],
        quiet: str | Iterable[str],
    ) -> None:
        """Print what the command found; once per command.

        Args:
            kind: Name of the shape of ``data``, for readers of the JSON.
            data: Models and plain values; secrets in it are masked.
            table: Makes what ``table`` mode shows: a rich renderable, or text that is printed as it is.
            quiet: The line or lines of ``quiet`` mode.
        """
        if self._answered:
            raise RuntimeError(f"a command gave a second result, {kind}")
        self._answered = True
        if self.mode == "json":
            self._write(self._dump({"kind": kind, "data": _plain(data)}, indent=2) + "\n")
        elif self.mode == "quiet":
            self._write("".join(f"{line}\n" for line in ([quiet] if isinstance(quiet, str) else quiet)))
        else:
            self._render(table())

    def item(self, kind: str, data: object, *, text: str) -> None:
        """Print one piece of a stream at once: ``text`` as it is, or one line of JSON."""
        self._write(self._dump({"kind": kind, "data": _plain(data)}) + "\n" if self.mode == "json" else text)

    def error(self, failure: Failure) -> None:
        """Say what went wrong; as JSON on stdout in ``json`` mode, unless the result is there already."""
        hint = failure.hint and self.given.complete(failure.hint)
        if self.mode == "json" and not self._answered:
            self._answered = True
            self._write(self._dump({"kind": "error", "error": _plain(failure.as_dict() | {"hint": hint})}) + "\n")
            return
        self._end_line()
        self._say("Error: ", failure.message, "bold red")
        self._evidence(failure.details)
        if hint:
            self._say("Next: ", hint, "cyan")

    def _evidence(self, details: Mapping[str, object]) -> None:
        """What a service said before it failed: the end of its log, then the line that shows the cause."""
        line, log = details.get("line"), details.get("log")
        if self.mode == "table" and isinstance(log, list):
            for said in log[-SHOWN_LINES:]:
                self._say("  | ", str(said), "dim")
        if line:
            self._say("Seen: ", str(line), "bold")

    def note(self, text: str) -> None:
        """Tell people something that is good to know."""
        if self.mode != "quiet":
            self._say("", text, "")

    def warn(self, text: str) -> None:
        """Tell people, in every mode, something that they should act on."""
        self._say("Warning: ", text, "yellow")

    def rehearsing(self) -> None:
        """Tell people, in every mode, that nothing of what follows is real but the machines."""
        self._say("Rehearsal: ", "the clouds are emulators on this machine; nothing is bought.", "bold magenta")

    def hint(self, text: str) -> None:
        """Say what to type next."""
        if self.mode != "quiet":
            self._say("Next: ", self.given.complete(text), "cyan")

    def confirm(self, question: str) -> bool:
        """Ask on the terminal; ``--yes`` answers for the user.

        Raises:
            UsageError: there is nobody to ask.
        """
        if self._yes:
            return True
        if not (sys.stdin.isatty() and self._stderr.isatty()):
            raise UsageError(f"This asks: {question} There is no terminal to answer on.", hint="Add --yes.")
        # not typer.confirm: it writes a blank to stdout even when it asks on stderr
        with self._live.still() if self._live else nullcontext():
            self._stderr.write(f"{question} [y/N] ")
            self._stderr.flush()
            return sys.stdin.readline().strip().lower() in {"y", "yes"}

    @contextmanager
    def listening(self) -> Iterator[Listener]:
        """Draw the phases of the work in the body: a live line on a terminal, else one plain line a phase."""
        if self.mode == "quiet":
            from zephyr_deploy.events import silent

            yield silent
            return
        from zephyr_deploy.cli.progress import live, plain

        if is_live(self._stderr):
            with live(self, self._for_people) as listener:
                self._live = listener
                try:
                    yield listener
                finally:
                    self._live = None
        else:
            yield plain(self)

    def aside(self, what: RenderableType) -> None:
        """Show people something that is not what the command answers, such as why it fails."""
        if self.mode == "table":
            self._for_people.print(what)

    def timing_table(self, finished: Sequence[Phase]) -> None:
        """Show people where the time went."""
        if self.mode == "table" and finished:
            from zephyr_deploy.cli.tables import timing

            self._for_people.print(timing(finished))

    def grid(self, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> RenderableType:
        """A table with a heading."""
        from zephyr_deploy.cli.tables import grid

        return grid(columns, rows)

    def together(self, parts: Iterable[RenderableType]) -> RenderableType:
        """Several of them, one below the other."""
        from rich.console import Group

        return Group(*parts)

    def facts(self, rows: Iterable[tuple[str, str]]) -> RenderableType:
        """A list of names and values."""
        from zephyr_deploy.cli.tables import facts

        return facts(rows)

    def _render(self, what: RenderableType) -> None:
        if isinstance(what, str):
            self._write(what + "\n")
            return
        drawn = console(self._stdout)
        with drawn.capture() as captured:
            drawn.print(what)
        self._write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))

    @cached_property
    def _for_people(self) -> Console:
        """The one console on stderr: while a live line moves on it, what is printed goes above that line."""
        return console(self._stderr)

    def _say(self, label: str, text: str, style: str) -> None:
        from rich.text import Text

        self._for_people.print(Text.assemble((label, style), visible(text)), soft_wrap=True)

    def _dump(self, body: dict[str, object], indent: int | None = None) -> str:
        from zephyr_deploy.cli.github import harmless_json  # a command that prints no JSON does without

        ascii_only = not unicode_capable(self._stdout)
        text = json.dumps({"schema": SCHEMA, **body}, indent=indent, ensure_ascii=ascii_only, allow_nan=False)
        return harmless_json(text)

    def _end_line(self) -> None:
        """Let nothing follow half an answer on its line, where both are on the terminal."""
        if self._within_line and self._stdout.isatty() and self._stderr.isatty():
            self._write("\n")

    def _write(self, text: str) -> None:
        self._within_line = bool(text) and not text.endswith("\n")
        try:
            self._stdout.write(text)
            self._stdout.flush()
        except BrokenPipeError:
            raise ReaderGoneError from None


def _plain(data: object) -> object:
    """As JSON values: secrets masked, lengths of time in ISO 8601, decimals as text, NaN as null."""
    from pydantic_core import to_jsonable_python

    return to_jsonable_python(data, inf_nan_mode="null")
