"""Draws the phases of a long piece of work on stderr."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from zephyr_deploy.cli.terminal import visible
from zephyr_deploy.events import Event, Listener, Notice, Outcome, PhaseFinished, PhaseProgress, PhaseStarted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console
    from rich.progress import Progress, TaskID

    from zephyr_deploy.cli.output import Output

FRAMES_PER_SECOND = 8
SILENCE_S = 10.0
"""Where nothing moves, e.g. in the log of a CI job, people are told at least this often that work goes on."""
MEGABYTE = 1_000_000


class Phase(Protocol):
    """A phase that has ended, as an event or as part of a report."""

    @property
    def title(self) -> str:
        """For people."""

    @property
    def seconds(self) -> float:
        """Wall time."""

    @property
    def outcome(self) -> Outcome:
        """What came of it."""


def plain(out: Output, clock: Callable[[], float] = time.monotonic) -> Listener:
    """One line for each phase that has ended, one for each notice, and now and then how far a long phase has come."""
    spoke = clock()

    def listener(event: Event) -> None:
        nonlocal spoke
        if isinstance(event, PhaseProgress):
            if clock() - spoke < SILENCE_S:
                return
            out.note(f"{'...':<9} {event.phase}: {_amount(event)}")
        elif isinstance(event, PhaseFinished):
            out.note(_line(event))
        elif isinstance(event, Notice):
            _notice(out, event)
        spoke = clock()

    return listener


@contextmanager
def live(out: Output, console: Console) -> Iterator[Live]:
    """A moving line for the phase at work; what has ended stays above it."""
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn("line" if console.options.ascii_only else "dots"),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[amount]}", markup=False),
        TimeElapsedColumn(),
    )
    # stdout is for data: what is printed there must not be drawn on stderr
    progress = Progress(
        *columns, console=console, transient=True, redirect_stdout=False, refresh_per_second=FRAMES_PER_SECOND
    )
    with progress:
        yield Live(progress, out)


class Live:
    """Turns events into the tasks of one `rich.progress.Progress`."""

    def __init__(self, progress: Progress, out: Output) -> None:
        self._progress = progress
        self._out = out
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, event: Event) -> None:
        """Draw what the event says."""
        if isinstance(event, PhaseStarted):
            self._tasks[event.phase] = self._progress.add_task(event.title, total=None, amount="")
        elif isinstance(event, PhaseProgress):
            task = self._tasks[event.phase]
            self._progress.update(task, completed=event.done, total=event.total, amount=_amount(event))
        elif isinstance(event, PhaseFinished):
            self._progress.remove_task(self._tasks.pop(event.phase))
            self._out.note(_line(event))
        else:
            _notice(self._out, event)

    @contextmanager
    def still(self) -> Iterator[None]:
        """No line moves while the body runs: somebody is asked something."""
        self._progress.stop()
        try:
            yield
        finally:
            self._progress.start()


def _notice(out: Output, event: Notice) -> None:
    if event.level == "warning":
        out.warn(event.message)
    else:
        out.note(event.message)


def _line(event: PhaseFinished) -> str:
    detail = f": {event.detail}" if event.detail else ""
    return f"{event.outcome:<9} {event.seconds:6.1f} s  {event.title}{detail}"


def _amount(event: PhaseProgress) -> str:
    """How far it has come and what it is at, e.g. ``12.5 of 105.5 MB`` or ``70 seconds: Install the packages``."""
    scale, unit, digits = (MEGABYTE, "MB", 1) if event.unit == "bytes" else (1, event.unit, 0)
    done = f"{event.done / scale:.{digits}f}"
    amount = f"{done} {unit}" if event.total is None else f"{done} of {event.total / scale:.{digits}f} {unit}"
    return f"{amount}: {visible(event.detail)}" if event.detail else amount
