"""``zephyr-deploy status``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from zephyr_deploy.cli.options import NameArg
from zephyr_deploy.cli.session import Session
from zephyr_deploy.cli.verb import LOOK, verb

if TYPE_CHECKING:
    from zephyr_deploy.deploy.results import StatusResult

UNHEALTHY = 7


@verb(
    panel=LOOK,
    examples=[
        ("zephyr-deploy status", "How is the endpoint? Exit code 0 only when it is ready"),
        ("zephyr-deploy status --output json", "The same for a script"),
    ],
)
def status(session: Session, name: NameArg = None) -> None:
    """Ask the endpoint how it is; the exit code is 0 when it is ready, else 7."""
    from zephyr_deploy.deploy import status as verbs

    result = verbs.status(session.name(name))
    state = result.service.state if result.service else "absent"
    session.out.result("status", result, table=lambda: session.out.facts(_rows(result)), quiet=state)
    if result.service is None:
        session.out.hint("zephyr-deploy up")
    elif state in {"failed", "unhealthy"}:
        session.out.hint("zephyr-deploy logs, then zephyr-deploy up with the flags it was started with")
    if state != "ready":
        raise typer.Exit(UNHEALTHY)


def _rows(result: StatusResult) -> list[tuple[str, str]]:
    service = result.service
    if service is None:
        return [("deployment", result.name), ("state", "absent")]
    rows = [
        ("deployment", service.name),
        ("state", service.state),
        ("endpoint", service.url),
        *((("public", service.public_url),) if service.public_url else ()),
        ("model", service.model_id),
        ("engine", service.engine),
        ("provider", service.provider),
        ("release", service.release),
        ("pid", str(service.pid or "-")),
        ("age", _age(result.age_s or 0)),
        ("cost", f"${result.cost_usd:.2f} at ${service.price_per_hour_usd:.2f} an hour"),
    ]
    return [*rows, ("why", service.detail)] if service.detail else rows


def _age(age_s: float) -> str:
    hours, rest = divmod(int(age_s), 3600)
    return f"{hours} h {rest // 60:02} min" if hours else f"{rest // 60} min {rest % 60:02} s"
