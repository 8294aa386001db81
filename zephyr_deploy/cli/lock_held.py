"""``zephyr-deploy lock show`` and ``zephyr-deploy lock release``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from zephyr_deploy.cli.options import NameArg
from zephyr_deploy.cli.session import Session
from zephyr_deploy.cli.verb import FIX, LOOK, verb

if TYPE_CHECKING:
    from rich.console import RenderableType

    from zephyr_deploy.deploy.lock_held import LockHeld

COLUMNS = ("MACHINE", "HELD BY", "COMMAND", "FOR", "VERSION", "JOB")


@verb(
    panel=LOOK, examples=[("zephyr-deploy lock show demo", "Who works on the deployment now, from where, since when")]
)
def show(session: Session, name: NameArg = None) -> None:
    """Say who holds the deployment on its machines now."""
    from zephyr_deploy.deploy import lock_held

    with session.out.listening() as listener:
        found = lock_held.show(session.name(name), listener)
    _show(session, "lock.show", found)
    if not found.holders:
        session.out.note(f"Nobody holds {found.name}.")


@verb(
    panel=FIX,
    examples=[("zephyr-deploy lock release demo --force", "End what holds the deployment; the audit log has who did")],
)
def release(
    session: Session,
    name: NameArg = None,
    *,
    force: Annotated[
        bool, typer.Option("--force", help="Do it. Whoever works on the deployment is stopped before its next step.")
    ] = False,
) -> None:
    """Let go by force of what somebody holds; seldom needed, for a lock goes with whoever holds it."""
    from zephyr_deploy.deploy import lock_held

    with session.out.listening() as listener:
        found = lock_held.release(session.name(name), force=force, listener=listener)
    _show(session, "lock.release", found)
    session.out.note(f"{found.name} is let go." if found.released else f"Nobody holds {found.name}.")


def _show(session: Session, kind: str, found: LockHeld) -> None:
    session.out.result(
        kind, found, table=lambda: _table(session, found), quiet=(holder.run for holder in found.holders)
    )


def _table(session: Session, found: LockHeld) -> RenderableType:
    rows = [
        (one.host, f"{one.user}@{one.machine}", one.command, f"{one.held_s:.0f} s", one.version, one.job)
        for one in found.holders
    ]
    return session.out.grid(COLUMNS, rows) if rows else ""
