"""``zephyr-deploy extend``."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Annotated

import typer

from zephyr_deploy.cli.completion import deployment_names
from zephyr_deploy.cli.options import LockWaitOpt, seconds
from zephyr_deploy.cli.session import Session
from zephyr_deploy.cli.verb import COST, verb
from zephyr_deploy.errors import UsageError


@verb(
    panel=COST,
    examples=[
        ("zephyr-deploy extend demo 2h", "It ends two hours later than it would"),
        ("zephyr-deploy extend demo --to 30m", "It ends half an hour from now"),
        ("zephyr-deploy extend demo --to none", "It never ends by its time limit"),
    ],
)
def extend(
    session: Session,
    name: Annotated[
        str, typer.Argument(help="Name of the deployment.", show_default=False, autocompletion=deployment_names)
    ],
    by: Annotated[str | None, typer.Argument(help="How much later, e.g. 2h.", show_default=False)] = None,
    *,
    to: Annotated[str | None, typer.Option(help="Instead, how long from now, or none.")] = None,
    lock_wait: LockWaitOpt = "0s",
) -> None:
    """Move the end of a machine in a cloud; the limit for the time without a request stays."""
    later, left = _times(by, to)
    wait_s = seconds(lock_wait)
    from zephyr_deploy.cli.ending import length, when
    from zephyr_deploy.deploy.extend import extend as run

    with session.out.listening() as listener:
        result = run(session.name(name), later, to=left, listener=listener, lock_wait_s=wait_s)
    now = datetime.now(timezone.utc)
    rows = [
        ("deployment", result.name),
        ("ends", when(result.ends_at, now) if result.ends_at else "never by its time limit"),
        ("before", when(result.before, now) if result.before else "never by its time limit"),
        ("unused", f"ends without a request in {length(result.idle_at - now)}" if result.idle_at else ""),
        ("price", f"${result.price_per_hour_usd:.2f} an hour"),
        ("cost then", f"${result.cost_usd:.2f}" if result.cost_usd is not None else ""),
    ]
    session.out.result(
        "extend",
        result,
        table=lambda: session.out.facts([row for row in rows if row[1]]),
        quiet=result.ends_at.isoformat() if result.ends_at else "none",
    )
    if result.ends_at is None:
        session.out.warn(f"{result.name} costs ${result.price_per_hour_usd:.2f} an hour until zephyr-deploy down.")
    elif not result.ends_itself:
        session.out.warn("It does not end itself: zephyr-deploy down, or gc --expired by then, does.")


def _times(by: str | None, to: str | None) -> tuple[timedelta | None, timedelta | None]:
    """How much later, and how long from now."""
    if (by is None) == (to is None):
        raise UsageError("Say how much later, or --to how long from now.", hint="zephyr-deploy extend --help")
    if by is not None:
        return _positive(by), None
    return None, None if to == "none" else _positive(str(to))


def _positive(text: str) -> timedelta:
    length = timedelta(seconds=seconds(text))
    if length <= timedelta():
        raise UsageError(f"{text} is no time to live.", hint="zephyr-deploy down takes it away now.")
    return length
