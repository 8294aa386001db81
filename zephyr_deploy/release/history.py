"""What was deployed on a node, read from its history."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, Literal

from zephyr_deploy.spec.base import Frozen


class Figures(Frozen):
    """What a benchmark found of a release at one concurrency; times are medians of answered requests."""

    at: datetime
    user: str
    machine: str
    concurrency: int | None
    """Requests at once; None: they came by the clock."""
    rate_per_s: float | None = None
    """Requests a second, by the clock; None: so many at once."""
    requests: int
    succeeded: int
    output_tokens_per_s: float
    ttft_p50_ms: float | None
    ttft_p99_ms: float | None = None
    itl_p50_ms: float | None


class Deployed(Frozen):
    """One entry: a release that began to serve, or failed to; that passed its gate, or was refused by it."""

    release: str
    event: Literal["active", "failed", "passed", "refused"]
    at: datetime
    user: str
    machine: str
    command: str
    current: bool
    """Whether it serves now."""
    trial: bool = False
    """Whether it serves now and still has to be judged by its gate."""
    here: bool
    """Whether the node still has its files, so that one can roll back to it."""
    cause: str = ""
    """Why it failed or was refused."""
    changes: tuple[str, ...] = ()
    """What differs from the release before, by setting."""
    bench: tuple[Figures, ...] = ()
    """Of the last benchmark of this release, one of each concurrency."""


def read_history(answer: dict[str, Any]) -> list[Deployed]:
    """Entries of the program's ``releases``, newest first."""
    current, here = answer["current"], set(answer["here"])
    entries = list(reversed(answer["history"]))
    latest = next((i for i, e in enumerate(entries) if e["release"] == current and e["event"] == "active"), -1)
    return [
        Deployed(
            release=entry["release"],
            event=entry["event"],
            at=_time(entry),
            user=entry["who"].get("user", "?"),
            machine=entry["who"].get("machine", "?"),
            command=entry["who"].get("command", "?"),
            current=place == latest,
            trial=place == latest and answer["trial"],
            here=entry["release"] in here,
            cause=entry.get("cause", ""),
            changes=tuple(entry.get("changes", ())),
            bench=_figures(answer["measured"], entry["release"]) if entry["event"] != "failed" else (),
        )
        for place, entry in enumerate(entries)
    ]


def _figures(measured: list[dict[str, Any]], release: str) -> tuple[Figures, ...]:
    """The last ones of a release, whenever it served: the same release is the same files."""
    last = next((entry for entry in reversed(measured) if entry["release"] == release), None)
    if last is None:
        return ()
    whence = {"at": _time(last), "user": last["who"].get("user", "?"), "machine": last["who"].get("machine", "?")}
    return tuple(Figures(**level, **whence) for level in last["levels"])


def _time(entry: dict[str, Any]) -> datetime:
    return datetime.fromtimestamp(entry["at"], timezone.utc)
