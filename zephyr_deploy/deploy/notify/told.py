"""Tells of a run that has ended; see `zephyr_deploy.deploy.run.TOLD`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zephyr_deploy.deploy.outcome import Outcome
    from zephyr_deploy.deploy.run import Run
    from zephyr_deploy.spec.deployment import Notify

INTERRUPTED_S = 2.0
"""For all of it after an interruption, in seconds: a CI kills a cancelled job soon after it has told it to end."""


def tell(run: Run, outcome: Outcome) -> None:
    """Tell those whom ``[notify]`` names, if it is one of the events they want to hear of.

    Raises:
        CredentialsError, UnreachableError: they cannot all be told.
    """
    notify = run.wish.notify if run.wish else run.surroundings.notify
    if not named(notify):
        return
    from zephyr_deploy.deploy.notify.deliver import Patience, deliver  # who names nobody does without
    from zephyr_deploy.deploy.notify.message import message_of
    from zephyr_deploy.deploy.rehearse import rehearsing

    message = message_of(run, outcome)
    if message is None:
        return
    if rehearsing():
        run.phases.notice(f"In a rehearsal nobody is told: {message.text}")
        return
    hasty = Patience(tries=1, timeout_s=INTERRUPTED_S, deadline_s=INTERRUPTED_S)
    deliver(message, notify, hasty if outcome.result == "interrupted" else Patience())


def named(notify: Notify) -> bool:
    """Whether anybody is to be told of anything."""
    return bool(notify.slack_from or notify.webhook_from) and bool(notify.events)
