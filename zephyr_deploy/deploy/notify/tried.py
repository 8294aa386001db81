"""A message for a try, before it matters."""

from __future__ import annotations

import secrets
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from zephyr_deploy import __version__
from zephyr_deploy.deploy.notify.deliver import deliver
from zephyr_deploy.deploy.notify.message import Message
from zephyr_deploy.deploy.origin import caller
from zephyr_deploy.deploy.rehearse import rehearsing
from zephyr_deploy.errors import ConfigError

if TYPE_CHECKING:
    from zephyr_deploy.spec.deployment import Deployment


def try_out(deployment: Deployment) -> list[str]:
    """Send everybody whom ``[notify]`` names a message that nothing has happened; the channels that took it.

    Raises:
        ConfigError: it names nobody; or this is a rehearsal, in which nobody is told.
        CredentialsError, UnreachableError: one did not take it.
    """
    notify = deployment.notify
    channels = [name for name in ("slack", "webhook") if getattr(notify, f"{name}_from") is not None]
    if not channels:
        raise ConfigError("[notify] names nobody", hint="Set notify.slack_from or notify.webhook_from in zephyr.toml.")
    if rehearsing():
        raise ConfigError("in a rehearsal nobody is told", hint="Run it without --rehearse.")
    by = caller()
    message = Message(
        id=f"test_{secrets.token_hex(8)}",
        event="test",
        at=datetime.now(timezone.utc),
        text=f"This is a try: what happens to {deployment.name} will be told here.",
        deployment=deployment.name,
        link=by.job,
        rows={"By": f"{by.user} on {by.machine}", "Events": ", ".join(notify.events) or "none"},
        data={"user": by.user, "machine": by.machine, "version": __version__},
    )
    deliver(message, notify)
    return channels
