"""What is told: plain data, the same for every channel. It holds no secret."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Literal

from zephyr_deploy import __version__
from zephyr_deploy.deploy.hooks import DEPLOYING, USAGE
from zephyr_deploy.spec.base import Frozen
from zephyr_deploy.spec.deployment import NotifyEvent

if TYPE_CHECKING:
    from zephyr_deploy.deploy.outcome import Outcome
    from zephyr_deploy.deploy.run import Run


class Message(Frozen):
    """One thing that is told."""

    id: str
    """The same however often it is sent; at most 64 letters, digits, ``_`` and ``-``."""
    event: NotifyEvent | Literal["test"]
    """``test``: nothing has happened; all channels get it, whatever they want to hear of."""
    at: datetime
    """When it happened, by the clock of this machine."""
    text: str
    """All of it in one sentence, for people."""
    deployment: str
    error: str = ""
    """What went wrong, in its own words; empty if nothing did."""
    link: str = ""
    """Address of the CI job, where there is one."""
    next: str = ""
    """What to type next; empty where there is nothing to be done."""
    rows: dict[str, str]
    """For people: names and values."""
    data: dict[str, str | float | int | None]
    """For programs."""


def message_of(run: Run, outcome: Outcome) -> Message | None:
    """What there is to tell of a run; None: nothing."""
    event = _event(run, outcome)
    if event is None:
        return None
    name = outcome.deployment
    error = _clean(outcome.error)
    rows = {
        "Command": outcome.command,
        "By": f"{outcome.user} on {outcome.machine}",
        "Release": outcome.release,
        "Before": outcome.before,
        "Endpoint": outcome.endpoint if event == "deployed" else "",
        "Price": f"${outcome.price_per_hour_usd:.2f} an hour" if outcome.price_per_hour_usd else "",
        "Took": f"{outcome.seconds:.0f} s",
    }
    facts = outcome.model_dump(mode="json", exclude={"deployment", "error"})
    wish = {"provider": run.wish.provider, "model": run.wish.model.id} if run.wish else {}
    return Message(
        id=f"run_{outcome.run}_{event}",
        event=event,
        at=outcome.at,
        text=_sentence(outcome, event),
        deployment=name,
        error=error,
        link=outcome.job,
        next="" if event == "deployed" else f"zephyr-deploy status {name}",
        rows={title: text for title, text in rows.items() if text},
        data={**facts, "error": error, **wish, "version": __version__},
    )


def _event(run: Run, outcome: Outcome) -> NotifyEvent | None:
    """None where nothing was to be done, or nothing was attempted."""
    if outcome.command not in DEPLOYING | {"down"}:
        return None
    match outcome.result:
        case "rolled_back":
            return "rolled_back"
        case "failed":
            return None if outcome.exit_code == USAGE else "failed"
        case "interrupted":
            return "failed" if run.changes else None
        case _:
            return "deployed" if outcome.result == "changed" and "deploy" in run.changes else None


def _sentence(outcome: Outcome, event: NotifyEvent) -> str:
    name = outcome.deployment
    if event == "deployed":
        return f"{name} serves release {outcome.release or 'as wanted'}."
    if event == "rolled_back":
        refused = f"Release {outcome.release}" if outcome.release else "The new release"
        return f"{refused} of {name} was refused, and {outcome.before or 'the one before'} serves again."
    how = "was interrupted" if outcome.result == "interrupted" else "failed"
    return f"{outcome.command} of {name} {how}."


def _clean(error: str) -> str:
    """An error in whose words an engine's log may stand goes to others: what looks like a secret is taken out."""
    import os

    from zephyr_deploy.deploy.redact import Redactor

    redactor = Redactor()
    redactor.learn_variables(os.environ)
    return redactor.clean(error)
