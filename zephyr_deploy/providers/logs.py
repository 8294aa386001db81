"""Which lines of a log are wanted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

LogSource = Literal["engine", "gateway", "docker"]
SOURCES: tuple[LogSource, ...] = get_args(LogSource)


@dataclass(frozen=True)
class LogQuery:
    """What of a deployment's log is wanted; all that is given must hold of a line."""

    lines: int = 100
    """The last that many, to begin with."""
    follow: bool = False
    """Also what comes."""
    since: datetime | None = None
    """Nothing older than that; with a time zone."""
    grep: str | None = None
    """A regular expression that is found in the line."""
    phase: str | None = None
    """The stage of the engine's start that the line belongs to, by the engine's milestones; ``serve`` is after them."""
    source: LogSource = "engine"
    host: str | None = None
    """Which of several machines; None: the first."""
