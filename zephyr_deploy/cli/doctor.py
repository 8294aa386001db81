"""``zephyr-deploy doctor``."""

from __future__ import annotations

import typer

from zephyr_deploy.cli.session import Session
from zephyr_deploy.cli.verb import FIX, verb

CONFIGURATION = 3


@verb(
    panel=FIX,
    examples=[
        ("zephyr-deploy doctor", "What stands in the way on this machine, and how to mend it"),
        ("zephyr-deploy doctor --output json", "The same as JSON"),
    ],
)
def doctor(session: Session) -> None:
    """Check this machine and say how to mend what is missing; exit code 3 if something is."""
    from zephyr_deploy.deploy import doctor as verbs

    checks = verbs.doctor()
    failed = [check for check in checks if check.verdict == "failed"]
    rows = [(check.verdict, check.name, check.detail, check.fix) for check in checks]
    session.out.result(
        "doctor",
        checks,
        table=lambda: session.out.grid(("", "CHECK", "FOUND", "FIX"), rows),
        quiet=(check.name for check in failed),
    )
    if failed:
        raise typer.Exit(CONFIGURATION)
