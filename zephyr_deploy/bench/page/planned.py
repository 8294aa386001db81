"""What was planned beside what was measured."""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING, NamedTuple

from zephyr_deploy.bench.page.numbers import short, time
from zephyr_deploy.bench.points import figures_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from zephyr_deploy.bench.report import BenchReport, LevelReport
    from zephyr_deploy.plan.speed.measured import Kind
    from zephyr_deploy.plan.speed.prediction import Estimate

EDGE = 2.0
"""A row shows from half to twice what was planned."""
SHOWN: tuple[tuple[Kind, str, str, Callable[[float], str]], ...] = (
    ("ttft", "TTFT", "ttft_ms", time),
    ("itl", "ITL", "itl_ms", time),
    ("throughput", "Tokens a second", "output_tokens_per_s", short),
)


class Compared(NamedTuple):
    """One figure of one level; places from 0 to 1, with what was planned in the middle."""

    load: str
    figure: str
    planned: str
    between: str
    measured: str
    off: str
    inside: bool
    """Whether it is within the range of the plan."""
    low: float
    high: float
    at: float


def compared(report: BenchReport) -> tuple[Compared, ...]:
    """All that was planned; empty where nothing was."""
    return tuple(one for level in report.levels for one in _of(level))


def _of(level: LevelReport) -> Iterator[Compared]:
    if level.predicted is None:
        return
    measured = figures_of(level)
    for kind, title, field, said in SHOWN:
        estimate: Estimate = getattr(level.predicted, field)
        if kind not in measured or estimate.value <= 0:
            continue
        ratio = measured[kind] / estimate.value
        yield Compared(
            load=str(level.load),
            figure=title,
            planned=said(estimate.value),
            between=f"{said(estimate.low)} to {said(estimate.high)}",
            measured=said(measured[kind]),
            off=f"{(ratio - 1) * 100:+.0f} %",
            inside=estimate.low <= measured[kind] <= estimate.high,
            low=_place(estimate.low / estimate.value),
            high=_place(estimate.high / estimate.value),
            at=_place(ratio),
        )


def _place(ratio: float) -> float:
    return min(1.0, max(0.0, 0.5 + log(max(ratio, 1e-9)) / log(EDGE) / 2))
