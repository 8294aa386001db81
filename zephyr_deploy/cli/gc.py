"""``zephyr-deploy gc``."""

from __future__ import annotations

from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from zephyr_deploy.cli.session import Session
from zephyr_deploy.cli.verb import COST, verb
from zephyr_deploy.cli.warner import Warner
from zephyr_deploy.errors import DeclinedError, LeftoversError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from zephyr_deploy.deploy.clouds.gc import Orphan
    from zephyr_deploy.providers.clouds.visits import Opening

COLUMNS = ("DEPLOYMENT", "PROVIDER", "WHAT", "AGE", "$/H", "$ SO FAR", "EXPIRES")


@verb(
    panel=COST,
    examples=[
        ("zephyr-deploy gc", "Find what clouds have that nobody here knows of; ask before it is deleted"),
        ("zephyr-deploy gc --expired --yes", "Delete everything whose time is over: for a scheduled job"),
        (
            "zephyr-deploy gc --warn 1h",
            "Delete nothing; tell whom [notify] names what ends soon, or has cost its budget",
        ),
        ("zephyr-deploy gc --dry-run --output json", "List it for a script and delete nothing"),
    ],
)
def gc(
    session: Session,
    *,
    expired: Annotated[
        bool, typer.Option("--expired", help="What is past its time limit, whoever made it; nothing else.")
    ] = False,
    warn: Annotated[
        str | None,
        typer.Option(
            help="Tell whom [notify] names which machines end within this time or have cost their budget; "
            "deletes nothing without --expired."
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List it, delete nothing and tell nobody.")] = False,
) -> None:
    """Delete what was left in clouds; only what carries this tool's stamp is ever touched.

    Firewalls that were open to a job's runner, and should not be any more, are closed without a question.
    """
    from zephyr_deploy.deploy.clouds.gc import Collected, collect, orphans

    troubles: list[str] = []
    warner = Warner(session, warn, dry_run=dry_run) if warn is not None else None
    found = orphans(expired=expired, on_trouble=troubles.append) if expired or not warner else []
    shut = _shut(session, dry_run=dry_run) if expired or not warner else Shut()
    result = Collected(orphans=tuple(found))
    if found and not dry_run:
        _ask(session, found, troubles, expired=expired)
        with session.out.listening() as listener:
            result = collect(found, listener)
    result = result.model_copy(update={"closed": shut.closed, "left": (*result.left, *shut.left)})
    if warner:
        result = result.model_copy(update={"warnings": warner.found(troubles)})
    tables = [partial(table, session, found)] if found or not warner else []
    if warner and (result.warnings or not found):
        tables.append(partial(warner.table, result.warnings))
    names = dict.fromkeys([*(one.deployment for one in found), *(one.deployment for one in result.warnings)])
    session.out.result("gc", result, table=lambda: session.out.together(make() for make in tables), quiet=names)
    if not names and not troubles and not shut.any:
        session.out.note("There is nothing of the kind.")
    if result.left:
        left = "; ".join((*result.left, *troubles))
        raise LeftoversError(left, hint="Run `zephyr-deploy gc` again.")
    refuse_troubles(troubles)
    if warner and warner.failure:
        raise warner.failure


class Shut(NamedTuple):
    """What came of closing what firewalls have open past its time."""

    closed: tuple[Opening, ...] = ()
    left: tuple[str, ...] = ()
    """What could not be closed, and why."""
    any: bool = False
    """Whether there was such a thing."""


def _shut(session: Session, *, dry_run: bool) -> Shut:
    """Close what firewalls have open to guests past its time, unless it is only to be listed."""
    from zephyr_deploy.deploy.clouds.gc import overdue, shut_all

    open_still = overdue(lambda _trouble: None)  # told by `orphans`
    closed, left = ([], []) if dry_run else shut_all(open_still)
    for opening in open_still:
        said = "is closed" if opening in closed else "is open"
        session.out.note(f"{opening} to a guest of {opening.deployment}, past its time, {said}.")
    return Shut(tuple(closed), tuple(left), bool(open_still))


def _ask(session: Session, found: Sequence[Orphan], troubles: Sequence[str], *, expired: bool) -> None:
    """Show what would go, and ask.

    Raises:
        DeclinedError: the user does not want it.
    """
    for orphan in found:
        session.out.note(_line(orphan))
    for trouble in troubles:  # what is not in the question, whatever its answer
        session.out.warn(trouble)
    now = datetime.now(timezone.utc)
    young = [orphan.deployment for orphan in found if not orphan.is_over(now)]
    if young:
        names = ", ".join(young)
        session.out.warn(
            f"Somebody else may be using {names}: the time is not over. gc --expired takes what is past it."
        )
    if not session.out.confirm(f"Delete all of {', '.join(orphan.deployment for orphan in found)}?"):
        hint = f"zephyr-deploy gc{' --expired' if expired else ''} --dry-run lists it again."
        raise DeclinedError("Nothing was deleted.", hint=hint)


def refuse_troubles(troubles: Sequence[str]) -> None:
    """End with an error where a cloud could not be asked: a scheduled job that sees nothing must not look well.

    Raises:
        UnreachableError: there are such.
    """
    if troubles:
        hint = "zephyr-deploy doctor --provider NAME says more; what that cloud has is not in the list."
        raise UnreachableError("; ".join(troubles), hint=hint)


def table(session: Session, found: list[Orphan]) -> RenderableType:
    """One row for each deployment."""
    return session.out.grid(COLUMNS, [_row(orphan) for orphan in found])


def _row(orphan: Orphan) -> tuple[str, ...]:
    what = ", ".join(f"{thing.kind} {thing.id}" for thing in orphan.resources)
    expires = f"{orphan.expires:%Y-%m-%d %H:%M} UTC" if orphan.expires else "never"
    price, cost = f"{orphan.price_per_hour_usd:.2f}", f"{orphan.cost_usd:.2f}"
    return orphan.deployment, orphan.provider, what, _age(orphan.created_at), price, cost, expires


def _line(orphan: Orphan) -> str:
    name, provider, what, age, price, cost, expires = _row(orphan)
    return f"{name} ({provider}): {what}; age {age}, ${price} an hour, ${cost} so far, expires {expires}"


def _age(since: datetime | None) -> str:
    if since is None:
        return "?"
    hours = (datetime.now(timezone.utc) - since).total_seconds() / 3600
    return f"{hours * 60:.0f} min" if hours < 1 else f"{hours:.1f} h" if hours < 48 else f"{hours / 24:.0f} days"  # noqa: PLR2004 - two days
