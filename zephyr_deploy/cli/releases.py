"""``zephyr-deploy releases``."""

from __future__ import annotations

from zephyr_deploy.cli.options import NameArg
from zephyr_deploy.cli.session import Session
from zephyr_deploy.cli.verb import LOOK, verb

COLUMNS = ("", "RELEASE", "WHEN (UTC)", "EVENT", "WHO", "BY", "WHAT")


@verb(
    panel=LOOK,
    examples=[
        ("zephyr-deploy releases", "What served on the machine, when, and who deployed it"),
        ("zephyr-deploy releases --output json", "The same for a script"),
    ],
)
def releases(session: Session, name: NameArg = None) -> None:
    """List what was deployed, newest first."""
    from zephyr_deploy.deploy.redeploy import releases as run

    found = run(session.name(name))
    rows = [
        (
            "*" if entry.current else "",
            entry.release,
            f"{entry.at:%Y-%m-%d %H:%M:%S}",
            entry.event,
            f"{entry.user}@{entry.machine}",
            entry.command,
            entry.cause or ", ".join(entry.changes),
        )
        for entry in found
    ]
    quiet = (entry.release for entry in found if entry.event == "active")
    session.out.result("releases", found, table=lambda: session.out.grid(COLUMNS, rows), quiet=quiet)
