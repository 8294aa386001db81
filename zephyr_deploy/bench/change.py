"""A gate on what changed between two reports: ``ttft_p99>+5%`` fails if it is surely more than 5 % higher."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from zephyr_deploy.bench.compare import NAMES, SHARES, TIMES
from zephyr_deploy.bench.gate import TO_MS, digits
from zephyr_deploy.errors import GateError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from zephyr_deploy.bench.compare import Comparison, LevelComparison
    from zephyr_deploy.bench.stats.differences import Interval

GRAMMAR = re.compile(r"\s*([a-z][a-z0-9_]*)\s*([<>])\s*([+-])([0-9]+(?:\.[0-9]+)?)\s*(%|ms|s)\s*")
TOO_FEW = "was measured by too few requests to tell, or its interval reaches down to zero"
HINT = (
    "Write METRIC>+CHANGE or METRIC<-CHANGE with % or, for times, ms or s: 'ttft_p99>+5%', 'itl_p50>+2ms', "
    "'output_tokens_per_s<-5%'. For goodput and errors, % are points of a hundred."
)


class Change(NamedTuple):
    """What must not have happened; ``limit`` is a share for ``%``, else milliseconds."""

    text: str
    metric: str
    symbol: str
    limit: float
    relative: bool

    def failure(self, level: LevelComparison) -> str | None:
        """Why the level fails, with its interval; None if it passes. What cannot be told does not pass."""
        found = level.of(self.metric)
        if found is None:
            return f"{self.metric} with {level.load} is not in both reports ({self.text})"
        interval = found.change_interval if self.relative else found.interval
        if interval is None:
            why = "has no intervals in one of the reports" if found.outcome == "points_only" else TOO_FEW
            return f"{self.metric} with {level.load} {why} ({self.text})"
        if not (interval[0] > self.limit if self.symbol == ">" else interval[1] < self.limit):
            return None
        return f"{self.metric} with {level.load} changed by {self._said(interval)} ({self.text})"

    def _said(self, interval: Interval) -> str:
        low, high = interval
        if self.relative or self.metric in SHARES:
            return f"{low:+.1%} to {high:+.1%}"
        return f"{digits(low, '+')} to {digits(high, '+')} ms"


def is_change(text: str) -> bool:
    """Whether a gate is on a change: its number has a sign."""
    return re.search(r"[<>]=?\s*[+-]", text) is not None


def parse(text: str) -> Change:
    """Read one gate on a change.

    Raises:
        UsageError: it is not of that form, or of no figure that is compared.
    """
    match = GRAMMAR.fullmatch(text)
    if match is None:
        raise UsageError(f"I cannot read the gate '{text}'.", hint=HINT)
    metric, symbol, sign, number, unit = match.groups()
    is_time = metric.rsplit("_", 1)[0] in TIMES
    if metric not in NAMES or (unit != "%" and not is_time):
        what = f"'{metric}' is not compared." if metric not in NAMES else f"'{metric}' is not measured in {unit}."
        raise UsageError(f"'{text}': {what}", hint=HINT)
    value = float(f"{sign}{number}")
    limit = value / 100 if unit == "%" else value * TO_MS[unit]
    return Change(text, metric, symbol, limit, relative=unit == "%" and metric not in SHARES)


def judge(comparison: Comparison, gates: Iterable[Change], also: Iterable[str] = ()) -> None:
    """Hold the comparison against every gate; what was not measured again does not pass.

    Args:
        comparison: Two reports.
        gates: What must not be.
        also: Why other gates failed, to be told at the same time.

    Raises:
        GateError: at least one level fails; the message has each interval.
    """
    failures = [*failures_of(comparison, gates), *also]
    if failures:
        raise GateError(
            f"Gate failed: {'; '.join(failures)}.",
            hint="A change counts once its whole interval is beyond the gate; longer benchmarks have narrower ones.",
            details={"failures": failures},
        )


def failures_of(comparison: Comparison, gates: Iterable[Change]) -> Iterator[str]:
    """Why gates fail, level by level; what was not measured again does not pass."""
    for gate in gates:
        yield from (f"{load} was not measured again ({gate.text})" for load in comparison.only_a)
        for level in comparison.levels:
            failure = gate.failure(level)
            if failure is not None:
                yield failure
