"""``zephyr-deploy logs``."""

from __future__ import annotations

from typing import Annotated

import typer

from zephyr_deploy.cli.options import NameArg
from zephyr_deploy.cli.session import Session
from zephyr_deploy.cli.verb import LOOK, verb


@verb(
    panel=LOOK,
    examples=[
        ("zephyr-deploy logs", "The last hundred lines"),
        ("zephyr-deploy logs -f", "Follow until the service ends"),
    ],
)
def logs(
    session: Session,
    name: NameArg = None,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many lines to begin with.")] = 100,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Show new lines as they come.")] = False,
) -> None:
    """Show what the service says of itself."""
    from zephyr_deploy.deploy import logs as verbs

    for line in verbs.logs(session.name(name), lines=lines, follow=follow):
        session.out.item("log", {"line": line}, text=line + "\n")
