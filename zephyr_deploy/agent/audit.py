"""The audit log of a deployment on its node: what was done to it, by whom, and what came of it.

Lines are added and never changed, each with its number: clocks may be set, and the order is told all the same. It
outlives `down`, which deletes all else of a deployment. Whoever is root on the machine can change it.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from zephyr_deploy.agent.errors import GoneError, NodeError
from zephyr_deploy.agent.files import add_line, get_lines
from zephyr_deploy.agent.layout import Layout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from zephyr_deploy.agent.report import Report

SHOWN = 4000
"""So many lines are told at most, the last ones."""


def audit(request: dict[str, Any], _report: Report) -> dict[str, Any]:
    """The lines of a deployment, oldest first."""
    return {"lines": lines(Layout(request["name"]))[-SHOWN:]}


def lines(layout: Layout) -> list[dict[str, Any]]:
    """Every line that can be read."""
    return [line for line in get_lines(layout.audit) if isinstance(line, dict)]


def note(
    layout: Layout, who: dict[str, Any], verb: str, stage: str, report: Report | None = None, **facts: object
) -> None:
    """Add a line; where it cannot be written, that is told, and stops nothing: the disk may be full.

    Args:
        layout: Of the deployment.
        who: Who asks; see `zephyr_deploy.deploy.origin.who`.
        verb: What is done.
        stage: ``begun``, ``ended``, or ``done`` for what takes no time.
        report: Told what cannot be written.
        facts: ``before`` and ``release``: what serves before and after; ``result``, and ``cause`` where it failed.
    """
    try:
        layout.audit.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        descriptor = os.open(layout.audit, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            line = {"seq": _last(layout) + 1, "at": time.time(), "verb": verb, "stage": stage, "who": who, **facts}
            add_line(layout.audit, line)
        finally:
            os.close(descriptor)
    except (OSError, NodeError) as error:
        if report is not None:
            report.notice(f"The audit log of the machine lacks this {verb}: {error}", "warning")


@contextmanager
def noted(
    layout: Layout, who: dict[str, Any], verb: str, current: Callable[[], str], report: Report | None = None
) -> Iterator[dict[str, Any]]:
    """Add a line before the body, and one after it with what came of it; what is put into the dictionary stands there.

    Of what was ended from outside (a reboot, kill -9) only the first is there, and that shows it.
    """
    before = current()
    note(layout, who, verb, "begun", report, before=before)
    facts: dict[str, Any] = {"result": "done", "cause": ""}
    try:
        yield facts
    except NodeError as error:
        facts.update(result="failed", cause=error.message)
        raise
    except GoneError:
        facts.update(result="left", cause="nobody listened any more")
        raise
    except BaseException as error:
        facts.update(result="failed", cause=type(error).__name__)
        raise
    finally:
        note(layout, who, verb, "ended", report, before=before, release=current(), **facts)


def _last(layout: Layout) -> int:
    """Number of the last line."""
    return max((int(line.get("seq", 0)) for line in lines(layout)[-SHOWN:]), default=0)
