"""A gate: ``ttft_p99>400ms`` fails the run if any level is so."""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING, NamedTuple

from zephyr_deploy.errors import GateError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from zephyr_deploy.bench.report import BenchReport, LevelReport
    from zephyr_deploy.bench.slo import Slo
    from zephyr_deploy.bench.stats import Spread

TIMES = ("ttft", "ttft_sched", "itl", "icl", "tpot", "ntpot", "e2e", "e2e_sched", "late")
POINTS = ("mean", "p50", "p90", "p95", "p99", "max")
RATES = ("output_tokens_per_s", "requests_per_s", "goodput_per_s")
SHARES = ("goodput",)
OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
WHOLE = 1000
"""From here on no digit behind the point is shown."""
TO_MS = {"ms": 1.0, "s": 1000.0}
GRAMMAR = re.compile(r"\s*([a-z][a-z0-9_]*)\s*(>=|<=|>|<)\s*([0-9]+(?:\.[0-9]+)?)\s*([a-z%/]*)\s*")
HINT = (
    "Write METRIC OPERATOR VALUE UNIT, e.g. 'ttft_p99>400ms', 'output_tokens_per_s<100', 'goodput<99%', 'errors>1%'. "
    f"Metrics: {', '.join(TIMES)}, each with {', '.join('_' + point for point in POINTS)} (ms or s); "
    f"{', '.join(RATES)} (no unit); goodput (a share from 0 to 1, or %; it needs --slo); "
    "errors (a number, or % of the requests)."
)


class Gate(NamedTuple):
    """What must not be; ``value`` is in ms for times, plain for rates and counts, percent for ``%``."""

    text: str
    metric: str
    symbol: str
    value: float
    unit: str

    def measured(self, level: LevelReport) -> float | None:
        """The figure that the gate looks at, in its unit; None where the level could not measure it."""
        if not level.requests:
            return None
        if self.metric == "errors":
            errors = level.requests - level.succeeded
            return 100 * errors / level.requests if self.unit == "%" else errors
        if self.metric.startswith("goodput"):
            return self._goodput(level)
        if self.metric in RATES:
            return float(getattr(level, self.metric))
        name, point = self.metric.rsplit("_", 1)
        spread: Spread | None = getattr(level, f"{name}_ms")
        return None if spread is None else getattr(spread, point)

    def _goodput(self, level: LevelReport) -> float | None:
        if level.goodput is None:
            return None
        if self.metric in RATES:
            return level.goodput.per_s
        return level.goodput.share * (100 if self.unit == "%" else 1)

    def failure(self, level: LevelReport) -> str | None:
        """Why the level fails, with the figure; None if it passes. What was not measured does not pass."""
        figure = self.measured(level)
        if figure is None:
            return f"{self.metric} with {level.load} could not be measured ({self.text})"
        if OPERATORS[self.symbol](figure, self.value):
            return f"{self.metric} with {level.load} is {digits(figure)}{self.unit} ({self.text})"
        return None


def parse(text: str) -> Gate:
    """Read one gate.

    Raises:
        UsageError: not of the form metric, operator, value, unit; or an unknown metric or unit.
    """
    match = GRAMMAR.fullmatch(text)
    if match is None:
        raise UsageError(f"I cannot read the gate '{text}'.", hint=HINT)
    metric, symbol, number, unit = match.groups()
    value = float(number)
    name, _, point = metric.rpartition("_")
    if name in TIMES and point in POINTS and unit in TO_MS:
        return Gate(text, metric, symbol, value * TO_MS[unit], "ms")
    if (metric in RATES and unit in {"", "/s"}) or (metric in {"errors", *SHARES} and unit in {"", "%"}):
        _refuse_no_share(text, metric, value, unit)
        return Gate(text, metric, symbol, value, unit)
    with_unit = f"with the unit '{unit}'" if unit else "without a unit"
    raise UsageError(f"'{metric}' {with_unit} is not a figure of the benchmark.", hint=HINT)


def _refuse_no_share(text: str, metric: str, value: float, unit: str) -> None:
    if metric in SHARES and not unit and value > 1:
        raise UsageError(f"'{text}': a share is from 0 to 1.", hint=f"Write '{text.strip()}%' for a percentage.")


def digits(figure: float, sign: str = "") -> str:
    """Four of them, and whole numbers in full; ``sign``: of which kind, as in a format."""
    return f"{figure:{sign}.0f}" if abs(figure) >= WHOLE else f"{figure:{sign}.4g}"


def refuse_without_slo(gates: Iterable[Gate], slo: Slo | None) -> None:
    """Before the measurement: without an SLO there is no goodput.

    Raises:
        UsageError: a gate asks for it.
    """
    for gate in gates:
        if slo is None and gate.metric.startswith("goodput"):
            raise UsageError(f"'{gate.text}' needs to know what is good.", hint="Add e.g. --slo ttft=300ms,itl=40ms")


def failures_of(report: BenchReport, gates: Iterable[Gate]) -> list[str]:
    """Why gates fail, level by level."""
    return [failure for gate in gates for level in report.levels if (failure := gate.failure(level))]


def judge(report: BenchReport, gates: Iterable[Gate]) -> None:
    """Hold the report against every gate.

    Raises:
        GateError: at least one level fails; the message has each figure.
    """
    failures = failures_of(report, gates)
    if failures:
        raise GateError(
            f"Gate failed: {'; '.join(failures)}.",
            hint="Nothing was changed. Look at where the time goes: zephyr-deploy bench --output json",
            details={"failures": failures},
        )


def refuse_bottleneck(report: BenchReport) -> None:
    """Hold the report against itself.

    Raises:
        GateError: at least one level shows what this machine can do, and not the server.
    """
    held_up = [level for level in report.levels if level.client.verdict == "client_bottleneck"]
    if held_up:
        reasons = " ".join(f"With {level.load}: {level.client.reason}" for level in held_up)
        raise GateError(
            f"The client was the bottleneck. {reasons}",
            hint="Use another machine or a lower load; --allow-bottleneck takes the figures as they are.",
            details={"levels": [str(level.load) for level in held_up]},
        )
