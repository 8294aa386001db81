"""``zephyr-deploy extend``."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from zephyr_deploy.cli.completion import deployment_names
from zephyr_deploy.cli.ending import length, when
from zephyr_deploy.cli.options import LockWaitOpt, seconds
from zephyr_deploy.cli.session import Session
from zephyr_deploy.cli.verb import COST, verb
from zephyr_deploy.errors import UsageError

if TYPE_CHECKING:
    from zephyr_deploy.deploy.extend import Extended


@verb(
    panel=COST,
    examples=[
        ("zephyr-deploy extend demo 2h", "It ends two hours later than it would"),
        ("zephyr-deploy extend demo --to 30m", "It ends half an hour from now"),
        ("zephyr-deploy extend demo --to none", "It never ends by its time limit"),
        ("zephyr-deploy extend demo --idle 3h", "It may be three hours without a request"),
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
    idle: Annotated[
        str | None, typer.Option(help="Also or instead, how long it may be without a request, or none.")
    ] = None,
    lock_wait: LockWaitOpt = "0s",
) -> None:
    """Move the end of a machine in a cloud, or how long it may be without a request; what is not named stays."""
    later, end, unused = _length(by), _limit(to), _limit(idle)
    wait_s = seconds(lock_wait)
    from zephyr_deploy.deploy.extend import extend as run

    with session.out.listening() as listener:
        result = run(session.name(name), later, to=end, idle=unused, listener=listener, lock_wait_s=wait_s)
    session.out.result(
        "extend",
        result,
        table=lambda: session.out.facts(_rows(result)),
        quiet=result.ends_at.isoformat() if result.ends_at else "none",
    )
    if result.ends_at is None:
        until = "until nobody uses it, or " if result.idle_at else "until "
        session.out.warn(f"{result.name} costs ${result.price_per_hour_usd:.2f} an hour {until}zephyr-deploy down.")
    elif not result.ends_itself:
        session.out.warn("It does not end itself: zephyr-deploy down, or gc --expired by then, does.")


def _rows(result: Extended) -> list[tuple[str, str]]:
    now, never = datetime.now(timezone.utc), "never by its time limit"
    unused = f"ends without a request in {length(result.idle_at - now)}" if result.idle_at else "never ends for that"
    rows = [
        ("deployment", result.name),
        ("ends", when(result.ends_at, now) if result.ends_at else never),
        ("before", when(result.before, now) if result.before else never),
        ("unused", unused if result.ends_itself else ""),
        ("price", f"${result.price_per_hour_usd:.2f} an hour"),
        ("cost then", f"${result.cost_usd:.2f}" if result.cost_usd is not None else ""),
    ]
    return [row for row in rows if row[1]]


def _limit(text: str | None) -> timedelta | Literal["none"] | None:
    """A length of time, or that there is to be no limit; None where nothing was said."""
    return "none" if text == "none" else _length(text)


def _length(text: str | None) -> timedelta | None:
    if text is None:
        return None
    found = timedelta(seconds=seconds(text))
    if found <= timedelta():
        raise UsageError(f"{text} is no time to live.", hint="zephyr-deploy down takes it away now.")
    return found
