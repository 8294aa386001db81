"""What came of one call of a verb that changes something, for whoever is told of it afterwards."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from zephyr_deploy.spec.base import Frozen

Result = Literal["changed", "unchanged", "rolled_back", "failed", "interrupted"]


class Outcome(Frozen):
    """One call, ended. It holds no secret: it is written down, sent to others, and given to hooks."""

    run: str
    """Which call it was; the journal's entries, the nodes' history and the audit log carry the same."""
    deployment: str
    command: str
    user: str
    machine: str
    """Where it was called from; in a job of a CI the CI's name, and ``user`` is who set it off."""
    job: str = ""
    """Address of the CI's job; empty outside of one."""
    commit: str = ""
    """What the CI has checked out."""
    at: datetime
    """When it began, by the clock of that machine."""
    seconds: float
    before: str = ""
    """Id of the release that served before; empty if none did, or nobody got to know it."""
    release: str = ""
    """Id of the one that was to serve; empty where none was."""
    result: Result
    """``rolled_back``: it served, was found wanting by its gate, and ``before`` serves again."""
    error: str = ""
    """What went wrong, in one sentence; empty if nothing did."""
    exit_code: int = 0
    """With which the command ends; 1 for an error of others, of which it may make another one."""
    endpoint: str = ""
    """Where callers reach it; empty if nothing serves."""
    price_per_hour_usd: float = 0.0
    cost_usd: float | None = None
    """What its machines have cost so far; None: nobody knows."""
