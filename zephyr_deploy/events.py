"""What a long piece of work says while it runs.

The verbs know nothing of terminals: they tell a `Listener`, which draws, records or ignores.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

Outcome = Literal["done", "unchanged", "failed"]


class PhaseStarted(NamedTuple):
    """A named part of the work begins; ``title`` is for people."""

    phase: str
    title: str


class PhaseProgress(NamedTuple):
    """How far a phase has come; ``total`` is None where it is not known.

    ``unit`` is ``"bytes"``, ``"seconds"`` or ``"requests"``.
    """

    phase: str
    done: float
    total: float | None
    unit: str
    detail: str = ""
    """What it is at, e.g. a stage of the engine's start."""


class PhaseFinished(NamedTuple):
    """A phase has ended after ``seconds`` of wall time; ``detail`` says what came of it."""

    phase: str
    title: str
    seconds: float
    outcome: Outcome
    detail: str = ""


class Notice(NamedTuple):
    """One thing that the user should know."""

    message: str
    level: Literal["info", "warning"] = "info"


Event = PhaseStarted | PhaseProgress | PhaseFinished | Notice
Listener = Callable[[Event], None]


def silent(_event: Event) -> None:
    """Listen to nothing: the default for callers of the Python API."""


@dataclass
class PhaseHandle:
    """What the body of a phase may say of itself while it runs."""

    phase: str
    listener: Listener
    outcome: Outcome = "done"
    detail: str = ""

    def progress(self, done: float, total: float | None, unit: str, detail: str = "") -> None:
        """Report how far the phase has come, and what it is at."""
        self.listener(PhaseProgress(self.phase, done, total, unit, detail))

    def unchanged(self, detail: str) -> None:
        """Say that there was nothing to do."""
        self.outcome, self.detail = "unchanged", detail


@dataclass
class Phases:
    """Times the phases of one piece of work and tells the listener of each."""

    listener: Listener = silent
    finished: list[PhaseFinished] = field(default_factory=list)

    @contextmanager
    def phase(self, phase: str, title: str) -> Iterator[PhaseHandle]:
        """Run the body as a named phase; a failure is timed and reported like a success, then raised on."""
        handle = PhaseHandle(phase, self.listener)
        self.listener(PhaseStarted(phase, title))
        start = time.monotonic()
        try:
            yield handle
        except BaseException:
            handle.outcome = "failed"
            raise
        finally:
            seconds = time.monotonic() - start
            done = PhaseFinished(phase, title, seconds, handle.outcome, handle.detail)
            self.finished.append(done)
            self.listener(done)

    def notice(self, message: str, *, warning: bool = False) -> None:
        """Tell the user one thing."""
        self.listener(Notice(message, "warning" if warning else "info"))
