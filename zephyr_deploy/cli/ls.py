"""``zephyr-deploy ls``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from zephyr_deploy.cli.ending import warn_of_end, warn_of_several
from zephyr_deploy.cli.session import Session
from zephyr_deploy.cli.verb import LOOK, verb

if TYPE_CHECKING:
    from zephyr_deploy.providers.base import Service

COLUMNS = ("NAME", "STATE", "MODEL", "ENDPOINT", "PROVIDER", "RELEASE", "$/H")


@verb(
    panel=LOOK,
    examples=[
        ("zephyr-deploy ls", "Everything that runs, whoever started it"),
        ("zephyr-deploy ls --output quiet", "Names only"),
        ("zephyr-deploy ls --orphans", "What clouds have that this machine does not know of"),
    ],
)
def ls(
    session: Session,
    *,
    orphans: Annotated[
        bool, typer.Option("--orphans", help="Instead, what clouds have of ours that is not known here.")
    ] = False,
) -> None:
    """List every deployment that exists, found by looking, not by remembering."""
    if orphans:
        _orphans(session)
        return
    from zephyr_deploy.deploy.find import services

    troubles: list[str] = []
    found = services(on_trouble=troubles.append)
    rows = [(s.name, s.state, s.model_id, s.url, s.provider, s.release, f"{s.price_per_hour_usd:.2f}") for s in found]
    session.out.result(
        "ls", found, table=lambda: session.out.grid(COLUMNS, rows), quiet=(service.name for service in found)
    )
    for service in found:
        if service.detail and service.state != "ready":
            session.out.note(f"{service.name}: {service.detail}")
    for name, ends_at in {service.name: service.ends_at for service in found}.items():
        warn_of_end(session.out, name, ends_at)
    for name, (_first, *others) in _clouds_of(found).items():
        warn_of_several(session.out, name, others)
    for trouble in troubles:
        session.out.warn(trouble)
    if not found and not troubles:
        session.out.note("Nothing is deployed.")
        session.out.hint("zephyr-deploy up")


def _clouds_of(found: list[Service]) -> dict[str, list[str]]:
    """Of each deployment that is in some, the clouds."""
    from zephyr_deploy.providers.registry import is_cloud

    clouds: dict[str, list[str]] = {}
    for service in found:
        seen = clouds.setdefault(service.name, []) if is_cloud(service.provider) else []
        if service.provider not in seen:
            seen.append(service.provider)
    return clouds


def _orphans(session: Session) -> None:
    from zephyr_deploy.cli.gc import refuse_troubles, table
    from zephyr_deploy.deploy.clouds.gc import orphans

    troubles: list[str] = []
    found = orphans(on_trouble=troubles.append)
    session.out.result(
        "orphans", found, table=lambda: table(session, found), quiet=(orphan.deployment for orphan in found)
    )
    if found:
        session.out.hint("zephyr-deploy gc deletes them.")
    elif not troubles:
        session.out.note("There are none.")
    refuse_troubles(troubles)
