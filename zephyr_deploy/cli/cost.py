"""``zephyr-deploy cost``."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Annotated

import typer

from zephyr_deploy.cli.completion import deployment_names
from zephyr_deploy.cli.session import Session
from zephyr_deploy.cli.verb import COST, verb

if TYPE_CHECKING:
    from zephyr_deploy.deploy.cost import Cost

COLUMNS = ("NAME", "PROVIDER", "MACHINE", "REGION", "$/H", "$ SO FAR", "$/M TOKENS", "ENDS", "$ THEN", "WHY")


@verb(
    panel=COST,
    examples=[
        ("zephyr-deploy cost", "What everything in clouds costs: so far, by the hour, by the token, at its end"),
        ("zephyr-deploy cost demo --output json", "One deployment, for a script"),
    ],
)
def cost(
    session: Session,
    name: Annotated[
        str | None, typer.Argument(help="Name of the deployment; unset: all of them.", autocompletion=deployment_names)
    ] = None,
) -> None:
    """Show what machines in clouds have cost and will cost, at the prices of when they were made."""
    from zephyr_deploy.deploy.cost import costs

    troubles: list[str] = []
    found = costs(session.name(name) if name is not None else None, on_trouble=troubles.append)
    session.out.result(
        "cost",
        found,
        table=lambda: session.out.grid(COLUMNS, [_row(one) for one in found]),
        quiet=(f"{one.name} {_usd(one.cost_usd)}" for one in found),
    )
    for trouble in troubles:
        session.out.warn(trouble)
    if not found and not troubles:
        whose = f"{name} has" if name else "there is"
        session.out.note(f"It costs nothing: {whose} no machine in a cloud.")
    elif len(found) > 1:
        session.out.note(f"Together ${sum(one.price_per_hour_usd for one in found):.2f} an hour.")


def _row(one: Cost) -> tuple[str, ...]:
    from zephyr_deploy.cli.ending import when

    return (
        one.name,
        one.provider,
        one.machine_type,
        one.region,
        f"{one.price_per_hour_usd:.2f}",
        _usd(one.cost_usd),
        _usd(one.usd_per_million_tokens),
        when(one.ends_at, datetime.now(timezone.utc)) if one.ends_at else "never",
        _usd(one.cost_at_end_usd),
        one.detail,
    )


def _usd(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
