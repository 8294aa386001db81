"""``zephyr-deploy ls``."""

from __future__ import annotations

from zephyr_deploy.cli.session import Session
from zephyr_deploy.cli.verb import LOOK, verb

COLUMNS = ("NAME", "STATE", "MODEL", "ENDPOINT", "PROVIDER", "RELEASE", "$/H")


@verb(
    panel=LOOK,
    examples=[
        ("zephyr-deploy ls", "Everything that runs, whoever started it"),
        ("zephyr-deploy ls --output quiet", "Names only"),
    ],
)
def ls(session: Session) -> None:
    """List every deployment that exists, found by looking, not by remembering."""
    from zephyr_deploy.deploy.find import services

    found = services(on_trouble=session.out.warn)
    rows = [(s.name, s.state, s.model_id, s.url, s.provider, s.release, f"{s.price_per_hour_usd:.2f}") for s in found]
    session.out.result(
        "ls", found, table=lambda: session.out.grid(COLUMNS, rows), quiet=(service.name for service in found)
    )
    if not found:
        session.out.note("Nothing is deployed.")
        session.out.hint("zephyr-deploy up")
