"""Has every machine act by a verdict: keep what serves, or go back; and says what serves then."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from zephyr_deploy.deploy.gate.kept import written
from zephyr_deploy.deploy.gate.verdict import RefusedError
from zephyr_deploy.deploy.measured import levels_of
from zephyr_deploy.errors import UnreachableError, ZephyrError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zephyr_deploy.deploy.fleet import Fleet, Member
    from zephyr_deploy.deploy.gate.verdict import Verdict
    from zephyr_deploy.deploy.run import Run

RETURN_S = 300.0
"""How long a machine that went away is waited for, in seconds: a cloud's machine boots in one to three minutes."""
POLL_S = 5.0


def carry_out(fleet: Fleet, run: Run, verdict: Verdict, how: Mapping[str, Any]) -> None:
    """Tell every machine that has the release on trial what came of it.

    Args:
        fleet: The machines, looked at since the switch.
        run: Whose work it is; its result becomes ``rolled_back`` where all went back.
        verdict: What came of the gate.
        how: What going back takes: see `zephyr_deploy.release.request.judge_request`.

    Raises:
        RefusedError: the release did not pass; the message says what serves now, and whether going back failed.
        ZephyrError: it passed, and a machine could not be told; it is on trial there still.
    """
    request = {**how, "release": verdict.release, "passed": verdict.passed, "cause": verdict.cause, **_figures(verdict)}
    run.journal.intend("judge", release=verdict.release, passed=str(verdict.passed))
    failed = _tell_all(fleet, request)
    if failed is None:
        run.journal.done("judge")
    else:
        run.journal.failed("judge", cause=failed.message)
    if not verdict.passed:
        raise _refused(fleet, run, verdict, failed)
    if failed is not None:
        raise failed


def _tell_all(fleet: Fleet, request: dict[str, Any]) -> ZephyrError | None:
    """One after the other, so that the rest goes on serving; where one fails, the next is told all the same.

    Returns:
        What failed first.
    """
    failed: ZephyrError | None = None
    for member in [member for member in fleet.members if member.trial]:
        try:
            _tell(fleet, member, request)
        except ZephyrError as error:
            named = f"{member.name}: {error.message}" if fleet.several else error.message
            failed = failed or type(error)(named, hint=error.hint, details=error.details)
    return failed


def _figures(verdict: Verdict) -> dict[str, Any]:
    report = verdict.report
    return {"levels": levels_of(report), "report": written(report)} if report else {}


def _tell(fleet: Fleet, member: Member, request: dict[str, Any]) -> None:
    """A machine that went away meanwhile is waited for: what it was told before it did, it has done by then."""
    try:
        member.call("judge", request)
    except UnreachableError as error:
        fleet.phases.notice(f"{member.name} went away: {error.message}; waiting for it.", warning=True)
        _wait_for(fleet, member)
        member.call("judge", request)


def _wait_for(fleet: Fleet, member: Member) -> None:
    deadline = time.monotonic() + RETURN_S
    while True:
        try:
            return fleet.connect(members=[member])
        except UnreachableError:
            if time.monotonic() > deadline:
                raise
            time.sleep(POLL_S)


def _refused(fleet: Fleet, run: Run, verdict: Verdict, failed: ZephyrError | None) -> RefusedError:
    serves = _serves(fleet)
    run.service = next(iter(fleet.services), None) if serves else None
    said = f"Release {verdict.release} did not pass its gate: {verdict.cause}"
    if failed is None and verdict.release not in serves.values():
        run.result = "rolled_back"
        return RefusedError(f"{said}. {_back(verdict, serves)}", verdict=verdict, serves=serves, went_back=True)
    now = ", ".join(f"{name}: {release or 'nothing'}" for name, release in serves.items()) or "nobody knows"
    why = f" ({failed.message})" if failed else ""
    fleet.phases.notice(f"The way back to release {verdict.before} failed. What serves now: {now}", warning=True)
    message = f"{said}. And the way back to release {verdict.before} failed{why}. What serves now: {now}"
    return RefusedError(message, verdict=verdict, serves=serves, went_back=False)


def _back(verdict: Verdict, serves: Mapping[str, str]) -> str:
    """What serves instead; a run whose hold was broken by force may find that another has brought something."""
    others = sorted({*serves.values()} - {verdict.before, ""})
    if others:
        return f"Another run has brought {', '.join(others)} meanwhile."
    return f"Release {verdict.before} serves again." if verdict.before else "Nothing served before, and nothing does."


def _serves(fleet: Fleet) -> dict[str, str]:
    """What serves on each machine; empty where they cannot be asked."""
    with suppress(ZephyrError):
        fleet.look()
        return {member.name: member.service.release if member.service else "" for member in fleet.members}
    return {}
