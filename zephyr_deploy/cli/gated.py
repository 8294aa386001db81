"""How it is shown what came of a release's gate."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zephyr_deploy.cli.session import Session
    from zephyr_deploy.deploy.gate.verdict import Verdict
    from zephyr_deploy.deploy.results import UpResult
    from zephyr_deploy.errors import GateError


def show_passed(session: Session, result: UpResult) -> None:
    """The figures by which it passed; nothing where there was no gate."""
    verdict = result.gate
    if verdict is None:
        return
    _show_figures(session, verdict)
    if verdict.smoke is None and verdict.report is None:
        session.out.note(f"Release {verdict.release} was on trial, and was kept without being measured.")
    else:
        session.out.note(f"Release {verdict.release} passed its gate.")


def show_refused(session: Session, error: GateError) -> None:
    """The figures by which it did not pass, where it was measured; the error itself is shown afterwards."""
    from zephyr_deploy.deploy.gate.verdict import RefusedError

    if isinstance(error, RefusedError):
        _show_figures(session, error.verdict)


def _show_figures(session: Session, verdict: Verdict) -> None:
    """Beside those of the release before, where they were compared."""
    if verdict.comparison is not None:
        from zephyr_deploy.cli.compare import table

        session.out.aside(table(session, verdict.comparison))
        session.out.note(f"A is {verdict.before}, which served before, B is {verdict.release}.")
    elif verdict.report is not None:
        from zephyr_deploy.cli.benched import COLUMNS, row

        rows = [row(level)[: len(COLUMNS)] for level in verdict.report.levels]
        session.out.aside(session.out.grid(COLUMNS, rows))
    for doubt in verdict.doubts:
        session.out.warn(doubt)
