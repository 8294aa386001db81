"""``zephyr-deploy logs``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from zephyr_deploy.cli.options import NameArg, moment
from zephyr_deploy.cli.session import Session
from zephyr_deploy.cli.verb import LOOK, verb

if TYPE_CHECKING:
    from datetime import datetime

Source = Literal["engine", "gateway", "docker"]


@verb(
    panel=LOOK,
    examples=[
        ("zephyr-deploy logs", "The last hundred lines"),
        ("zephyr-deploy logs -f", "Follow until the service is gone"),
        ("zephyr-deploy logs --since 10m --grep 'ERROR|WARN'", "What went wrong in the last ten minutes"),
        ("zephyr-deploy logs --phase warm-up", "What the engine said while it warmed up"),
        ("zephyr-deploy logs --source gateway --host gpu2", "What Caddy says on one of several machines"),
    ],
)
def logs(
    session: Session,
    name: NameArg = None,
    *,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many lines to begin with.")] = 100,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Show new lines as they come.")] = False,
    since: Annotated[
        str | None, typer.Option(help="Nothing older: a length of time such as 10m, or 2026-11-24T10:00.")
    ] = None,
    grep: Annotated[str | None, typer.Option(help="Only lines in which this regular expression is found.")] = None,
    phase: Annotated[
        str | None, typer.Option(help="Only this part of the start, e.g. download, load, warm-up; or serve.")
    ] = None,
    source: Annotated[Source, typer.Option(help="Whose log; on a machine reached over SSH.")] = "engine",
    host: Annotated[str | None, typer.Option(help="Which of several machines; unset: the first.")] = None,
) -> None:
    """Show what the service says of itself; on a node the lines are searched there."""
    from zephyr_deploy.deploy import logs as verbs

    begin: datetime | None = moment(since) if since else None
    found = verbs.logs(
        session.name(name),
        lines=lines,
        follow=follow,
        since=begin,
        grep=grep,
        phase=phase,
        source=source,
        host=host,
    )
    for line in found:
        session.out.item("log", {"line": line}, text=line + "\n")
