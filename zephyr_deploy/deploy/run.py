"""One call of a verb that changes something: who is asked before it does, and who is told how it ended."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Literal

from zephyr_deploy.deploy import audit, hooks
from zephyr_deploy.deploy.journal import Journal
from zephyr_deploy.deploy.notify import told
from zephyr_deploy.deploy.origin import caller, who
from zephyr_deploy.deploy.outcome import Outcome
from zephyr_deploy.deploy.surroundings import Surroundings, surroundings
from zephyr_deploy.errors import ZephyrError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from zephyr_deploy.deploy.outcome import Result
    from zephyr_deploy.events import Phases
    from zephyr_deploy.providers.base import Service
    from zephyr_deploy.spec.deployment import Deployment

INTERRUPTED = 130

Change = Literal["deploy", "teardown"]


@dataclass
class Run:
    """One call while it goes on; what the verb gets to know is written into it as it does."""

    name: str
    """Of the deployment."""
    command: str
    phases: Phases
    journal: Journal
    wish: Deployment | None = None
    """What is wanted, where the verb knows: `down` and `rollback` are told a name alone."""
    before: str = ""
    release: str = ""
    result: Result = "unchanged"
    service: Service | None = None
    """What serves in the end."""
    cost_usd: float | None = None
    changes: list[Change] = field(default_factory=list)
    """What it was about to do; nothing of it, where nothing had to be done."""
    surroundings: Surroundings = field(default_factory=surroundings)

    @property
    def who(self) -> dict[str, str]:
        """Who asks, as nodes note it."""
        return {**who(self.command), "run": self.journal.run}

    def about_to(self, change: Change, *, before: str = "", release: str = "") -> None:
        """Say that the first thing is going to be changed; those who are asked may have it stop here.

        Said again as more is known of it, nobody is asked again.

        Raises:
            ZephyrError: one of them does not want it.
        """
        self.before, self.release = before or self.before, release or self.release
        if change in self.changes:
            return
        for ask in ASKED:
            ask(self, change)
        self.changes.append(change)
        self.result = "changed"

    def ended(self, began: datetime, seconds: float, error: BaseException | None) -> Outcome:
        """What came of it, whether it ended by itself or by an error."""
        result, interrupted = self.result, isinstance(error, KeyboardInterrupt)
        if error is not None and result != "rolled_back":
            result = "interrupted" if interrupted else "failed"
        return Outcome(
            run=self.journal.run,
            deployment=self.name,
            command=self.command,
            **caller()._asdict(),
            at=began,
            seconds=seconds,
            before=self.before,
            release=self.release,
            result=result,
            error=_words(error),
            exit_code=INTERRUPTED if interrupted else getattr(error, "exit_code", 1) if error else 0,
            endpoint=(self.service.public_url or self.service.url) if self.service else "",
            price_per_hour_usd=self.service.price_per_hour_usd if self.service else 0.0,
            cost_usd=self.cost_usd,
        )


@contextmanager
def running(name: str, command: str, phases: Phases, wish: Deployment | None = None) -> Iterator[Run]:
    """Carry out the body as one run; whatever ends it, those in `TOLD` hear how.

    That one of them cannot be told is a notice, and changes nothing of how the run ended.
    """
    run = Run(name, command, phases, Journal(name), wish)
    began, start = datetime.now(timezone.utc), time.monotonic()
    try:
        yield run
    except (Exception, KeyboardInterrupt) as error:
        _tell(run, run.ended(began, time.monotonic() - start, error))
        raise
    _tell(run, run.ended(began, time.monotonic() - start, None))


def _words(error: BaseException | None) -> str:
    """What went wrong. An error that nobody foresaw is told by its kind: its words may hold anything."""
    if error is None or isinstance(error, KeyboardInterrupt):
        return ""
    if isinstance(error, ZephyrError):
        return error.message
    return f"{type(error).__name__}: {error.strerror}" if isinstance(error, OSError) else type(error).__name__


def _tell(run: Run, outcome: Outcome) -> None:
    for whom, tell in TOLD.items():
        try:
            tell(run, outcome)
        except (ZephyrError, OSError) as error:
            run.phases.notice(f"How this ended could not be told to {whom}: {error}", warning=True)


ASKED: tuple[Callable[[Run, Change], None], ...] = (hooks.ask,)
"""Who may stop a run before it changes anything, in this order."""
TOLD: dict[str, Callable[[Run, Outcome], None]] = {
    "the audit log": audit.tell,
    "everybody whom [notify] names": told.tell,
    "the hooks": hooks.tell,
}
"""Who is told how a run ended, in this order, each with its name for people."""
