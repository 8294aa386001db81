"""``zephyr-deploy notify``."""

from __future__ import annotations

from zephyr_deploy.cli.options import NameArg
from zephyr_deploy.cli.session import Session
from zephyr_deploy.cli.verb import FIX, verb


@verb(
    panel=FIX,
    examples=[("zephyr-deploy notify", "See that Slack and webhooks take a message, before it matters")],
)
def notify(session: Session, name: NameArg = None) -> None:
    """Send everybody whom [notify] of zephyr.toml names a message for a try."""
    from zephyr_deploy.deploy.notify.tried import try_out

    told = try_out(session.load({"name": name}).deployment)
    rows = [(channel, "took it") for channel in told]
    session.out.result("notify", {"told": told}, table=lambda: session.out.facts(rows), quiet=told)
