"""What was deployed on a node, read from its history."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, Literal

from zephyr_deploy.spec.deployment import Frozen


class Deployed(Frozen):
    """One entry: a release that began to serve, or failed to."""

    release: str
    event: Literal["active", "failed"]
    at: datetime
    user: str
    machine: str
    command: str
    current: bool
    """Whether it serves now."""
    here: bool
    """Whether the node still has its files, so that one can roll back to it."""
    cause: str = ""
    """Why it failed."""
    changes: tuple[str, ...] = ()
    """What differs from the release before, by setting."""


def read_history(answer: dict[str, Any]) -> list[Deployed]:
    """Entries of the program's ``releases``, newest first."""
    current, here = answer["current"], set(answer["here"])
    entries = list(reversed(answer["history"]))
    latest = next((i for i, e in enumerate(entries) if e["release"] == current and e["event"] == "active"), -1)
    return [
        Deployed(
            release=entry["release"],
            event=entry["event"],
            at=datetime.fromtimestamp(entry["at"], timezone.utc),
            user=entry["who"].get("user", "?"),
            machine=entry["who"].get("machine", "?"),
            command=entry["who"].get("command", "?"),
            current=place == latest,
            here=entry["release"] in here,
            cause=entry.get("cause", ""),
            changes=tuple(entry.get("changes", ())),
        )
        for place, entry in enumerate(entries)
    ]
