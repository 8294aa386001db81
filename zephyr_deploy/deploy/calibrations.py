"""What this user has measured of engines on cards, kept on this machine: the planner heeds it.

A file for each setup holds the figures themselves. What constants they mean is solved anew by whoever plans, for a
later version of the planner has other constants.
"""

from __future__ import annotations

import hashlib
import re
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Literal

from pydantic import ValidationError

from zephyr_deploy.node.knownhosts import write_private
from zephyr_deploy.paths import private_dir, state_dir
from zephyr_deploy.plan.served import Served
from zephyr_deploy.plan.speed.measured import Point
from zephyr_deploy.spec.base import Frozen

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from zephyr_deploy.plan.served import Key

MOST = 60
"""So many figures of a setup are kept, the latest."""
ALIKE = 0.2
"""A figure replaces an earlier one whose requests are of the same length, up to that share."""


class Dated(Frozen):
    """A figure, and when it was measured."""

    point: Point
    at: datetime


class Calibration(Frozen):
    """All that was measured of one setup."""

    schema_version: Literal[1] = 1
    served: Served
    name: str
    """Deployment that was measured last."""
    measured: tuple[Dated, ...]
    """The latest last."""

    @property
    def at(self) -> datetime:
        """When it was measured last."""
        return self.measured[-1].at

    @property
    def points(self) -> tuple[Point, ...]:
        """The figures."""
        return tuple(one.point for one in self.measured)

    @property
    def source(self) -> str:
        """For people."""
        return f"your measurement of {self.at.date()} on {self.name} ({self.served.image})"


def calibrations_dir() -> Path:
    """Where they are kept; not created here."""
    return state_dir() / "calibrations"


def keep_points(served: Served, name: str, points: Iterable[Point], at: datetime | None = None) -> Calibration | None:
    """Add figures to what is known of a setup; those of another version of its engine are dropped.

    Args:
        served: What was measured.
        name: Of the deployment.
        points: What was found; none changes nothing, and returns None.
        at: When; None: now.

    Raises:
        CapacityError, ConfigError: it cannot be written.
    """
    when = at or datetime.now(timezone.utc)
    new = tuple(Dated(point=point, at=when) for point in points)
    if not new:
        return None
    before = calibration_of(served.key)
    same = before is not None and before.served.image == served.image
    old = before.measured if before is not None and same else ()
    left = tuple(one for one in old if not any(_replaces(other.point, one.point) for other in new))
    found = Calibration(served=served, name=name, measured=(*left, *new)[-MOST:])
    write_private(private_dir(calibrations_dir()) / _file(served.key), found.model_dump_json(indent=2) + "\n")
    return found


def calibration_of(key: Key) -> Calibration | None:
    """What is known of such a setup; None: nothing, or nothing that can be read."""
    found = _read(calibrations_dir() / _file(key))
    return found if isinstance(found, Calibration) else None


def all_calibrations() -> tuple[tuple[Calibration, ...], tuple[Path, ...]]:
    """Everything that is known, and the files that hold no calibration."""
    read = {path: _read(path) for path in sorted(calibrations_dir().glob("*.json"))}
    known = tuple(found for found in read.values() if isinstance(found, Calibration))
    return known, tuple(path for path, found in read.items() if isinstance(found, Exception))


def _read(path: Path) -> Calibration | Exception | None:
    try:
        found = Calibration.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        return error
    return found if found.measured else None


def _replaces(new: Point, old: Point) -> bool:
    same = (new.kind, new.concurrency) == (old.kind, old.concurrency)
    return same and _alike(new.input_tokens, old.input_tokens) and _alike(new.output_tokens, old.output_tokens)


def _alike(one: int, other: int) -> bool:
    return abs(one - other) <= ALIKE * max(one, other)


def _file(key: Key) -> str:
    """A name that people can read and that is no other key's."""
    said = re.sub(r"[^a-z0-9.]+", "-", f"{key.gpu}-{key.shards}-{key.engine}-{key.model}-{key.weights}".lower())
    return f"{said[:120]}-{hashlib.sha256(repr(key).encode()).hexdigest()[:8]}.json"
