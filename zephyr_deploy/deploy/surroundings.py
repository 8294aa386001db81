"""What the zephyr.toml in use brings to a run beside the wish.

Whoever calls a verb says it around the call; verbs that are told a name alone, such as `down`, have it that way, too.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from zephyr_deploy.spec.deployment import Notify

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True)
class Surroundings:
    """Of one call of the program."""

    folder: Path | None = None
    """Where the zephyr.toml in use is; None: none is, and so there are no hooks."""
    hooks: bool = True
    """Whether hooks are run."""
    notify: Notify = field(default_factory=Notify)
    """Who is told how a run ended whose verb knows no wish."""


_now: ContextVar[Surroundings] = ContextVar("surroundings", default=Surroundings())  # noqa: B039 - it is frozen


def surroundings() -> Surroundings:
    """Those of this call."""
    return _now.get()


@contextmanager
def surrounded(by: Surroundings) -> Iterator[None]:
    """Let these be the surroundings of what the body calls."""
    before = _now.set(by)
    try:
        yield
    finally:
        _now.reset(before)
