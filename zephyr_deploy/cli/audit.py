"""``zephyr-deploy audit``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from zephyr_deploy.cli.options import NameArg
from zephyr_deploy.cli.session import Session
from zephyr_deploy.cli.verb import LOOK, verb

if TYPE_CHECKING:
    from zephyr_deploy.deploy.audit import Audited

COLUMNS = ("WHEN (UTC)", "WHO", "COMMAND", "FROM", "TO", "RESULT", "COST", "WHY")


@verb(
    panel=LOOK,
    examples=[
        ("zephyr-deploy audit", "Who changed the deployment, when, from where, and what came of it"),
        ("zephyr-deploy audit --output json", "The same as one line of JSON a run, with the address of a CI's job"),
        ("zephyr-deploy audit demo --here", "Only what this machine did, also after `down`"),
    ],
)
def audit(
    session: Session,
    name: NameArg = None,
    *,
    here: Annotated[bool, typer.Option("--here", help="Ask no machine: only what was called from this one.")] = False,
) -> None:
    """List every run that changed a deployment, oldest first, by the logs of its machines and of this one."""
    from zephyr_deploy.deploy.audit import audit as run

    found, troubles = run(session.name(name), here=here)
    if session.out.mode == "json":
        for entry in found:
            session.out.item("audit", entry, text="")
    else:
        rows = [_row(entry) for entry in found]
        session.out.result(
            "audit", found, table=lambda: session.out.grid(COLUMNS, rows), quiet=(entry.run for entry in found)
        )
    for trouble in troubles:
        session.out.warn(f"The log of a machine could not be read: {trouble}")


def _row(entry: Audited) -> tuple[str, ...]:
    cost = f"${entry.cost_usd:.2f}" if entry.cost_usd is not None else ""
    who, when = f"{entry.user}@{entry.machine}", f"{entry.at:%Y-%m-%d %H:%M:%S}"
    return when, who, entry.command, entry.before, entry.release, entry.result, cost, entry.cause
