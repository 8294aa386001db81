"""Reports of `bench` on file, of this version or an earlier one, as far as the planner can learn from them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from zephyr_deploy.bench.points import points_of
from zephyr_deploy.bench.saved import HINT, read_report
from zephyr_deploy.errors import ConfigError
from zephyr_deploy.plan.served import Served, key_of
from zephyr_deploy.plan.speed.measured import Point
from zephyr_deploy.spec.base import Frozen

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from zephyr_deploy.bench.report import BenchReport
    from zephyr_deploy.plan.setup import Setup


class Reported(Frozen):
    """What one or several reports of the same thing say."""

    files: tuple[str, ...]
    name: str
    at: datetime
    model: str
    engine: str
    served: Served | None
    """None: the report is from a time when they did not say on which card."""
    points: tuple[Point, ...]

    @property
    def prefill_tokens(self) -> int | None:
        """Prompt tokens of one step at most, where it is known."""
        return self.served.prefill_tokens if self.served else None

    @property
    def source(self) -> str:
        """For people."""
        return f"your measurement of {self.at.date()} on {self.name} ({', '.join(self.files)})"

    def is_of(self, setup: Setup) -> bool:
        """Whether it was measured of such a setup; one that does not say the card counts for the planned one."""
        if self.served:
            return self.served.key == key_of(setup)
        return (self.model.lower(), self.engine) == (setup.model.id.lower(), setup.engine)


def read_reports(paths: Iterable[Path]) -> tuple[Reported, ...]:
    """What they say; those of the same setup together.

    Raises:
        ConfigError: a file cannot be read, is no report, or holds no figure to learn from; it is named.
    """
    found: list[Reported] = []
    for one in map(_read, paths):
        same = next((i for i, other in enumerate(found) if _is_same(one, other)), None)
        if same is None:
            found.append(one)
            continue
        other = found[same]
        more = {"files": (*other.files, *one.files), "points": (*other.points, *one.points)}
        found[same] = (one if one.at > other.at else other).model_copy(update=more)
    return tuple(found)


def _is_same(one: Reported, other: Reported) -> bool:
    return (one.served, one.model, one.engine) == (other.served, other.model, other.engine)


def _why_none(report: BenchReport) -> str:
    if report.spec.shared_prefix or report.spec.turns > 1:
        return "a prefix cache may have read part of its prompts before"
    if all(level.concurrency is None for level in report.levels):
        return "it has no closed loop (--concurrency)"
    return "too few requests succeeded, or the client was the bottleneck"


def _read(path: Path) -> Reported:
    report = read_report(path)
    points = points_of(report)
    if not points:
        raise ConfigError(f"{path} holds no figure to learn from: {_why_none(report)}", hint=HINT)
    target = report.target
    return Reported(
        files=(path.name,),
        name=target.name,
        at=report.started_at,
        model=target.model_id,
        engine=target.engine,
        served=target.served,
        points=points,
    )
