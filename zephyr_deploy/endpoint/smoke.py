"""A real generation over every route of an endpoint, with the answer read: what a health check does not prove."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal

from pydantic import ValidationError

from zephyr_deploy.endpoint.checks import CHECKS
from zephyr_deploy.endpoint.subject import Skip, Subject
from zephyr_deploy.errors import UnreachableError, ZephyrError
from zephyr_deploy.events import Phases, silent
from zephyr_deploy.spec.base import Frozen

if TYPE_CHECKING:
    from zephyr_deploy.endpoint.checks import Check
    from zephyr_deploy.endpoint.types import Endpoint
    from zephyr_deploy.events import Listener

DEADLINE_S = 60.0
"""Longest time for one check, in seconds: 32 tokens, on a slow machine that is busy."""

Outcome = Literal["passed", "failed", "skipped"]


class CheckResult(Frozen):
    """What came of one check. ``detail`` is what was seen, or why it failed or was skipped."""

    name: str
    route: str
    outcome: Outcome
    seconds: float
    detail: str
    error: str | None = None
    """Code of the error that made it fail; see `zephyr_deploy.errors`."""


class SmokeReport(Frozen):
    """All checks of one run, in order."""

    endpoint: str
    url: str
    engine: str
    model_id: str
    passed: bool
    """No check failed, and at least one generated."""
    checks: tuple[CheckResult, ...]


def smoke(endpoint: Endpoint, listener: Listener = silent, *, deadline_s: float = DEADLINE_S) -> SmokeReport:
    """Run every check, whatever fails; nothing about the endpoint is raised.

    Args:
        endpoint: Whom to check.
        listener: Is told of every check.
        deadline_s: Longest time for one request, in seconds.
    """
    phases = Phases(listener)
    results: list[CheckResult] = []
    gone = False
    with Subject(endpoint, deadline_s) as subject:
        for check in CHECKS:
            if gone:
                results.append(_result(check, "skipped", 0.0, "the endpoint does not answer"))
                continue
            with phases.phase(check.name, f"{check.name} ({check.route})") as phase:
                result, gone = _run(check, subject)
                phase.detail = result.detail
                phase.outcome = "failed" if result.outcome == "failed" else "done"
            results.append(result)
    return SmokeReport(
        endpoint=endpoint.name,
        url=endpoint.url,
        engine=endpoint.engine,
        model_id=endpoint.model_id,
        passed=_all_well(results),
        checks=tuple(results),
    )


def _run(check: Check, subject: Subject) -> tuple[CheckResult, bool]:
    """The result, and whether nobody answers at all."""
    start = time.monotonic()
    try:
        detail = check.run(subject)
    except Skip as skip:
        return _result(check, "skipped", 0.0, str(skip)), False
    except ZephyrError as error:
        gone = isinstance(error, UnreachableError)
        return _result(check, "failed", time.monotonic() - start, error.message, error.code), gone
    except (AttributeError, LookupError, TypeError, ValidationError) as error:
        strange = f"the answer is not in the form of this route ({type(error).__name__})"
        return _result(check, "failed", time.monotonic() - start, strange), False
    return _result(check, "passed", time.monotonic() - start, detail), False


def _result(check: Check, outcome: Outcome, seconds: float, detail: str, error: str | None = None) -> CheckResult:
    return CheckResult(name=check.name, route=check.route, outcome=outcome, seconds=seconds, detail=detail, error=error)


def _all_well(results: list[CheckResult]) -> bool:
    generating = {check.name for check in CHECKS if check.generates}
    generated = any(result.outcome == "passed" and result.name in generating for result in results)
    return generated and not any(result.outcome == "failed" for result in results)
