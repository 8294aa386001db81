"""Two reports side by side: what their figures differ by, and whether that is more than chance. Pure."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Literal, NamedTuple

from zephyr_deploy.bench.loads import Load
from zephyr_deploy.bench.place import PLACES
from zephyr_deploy.bench.slo import from_due, tpot_of
from zephyr_deploy.bench.stats.differences import Interval, chance_of_more, difference, ratio
from zephyr_deploy.bench.stats.intervals import FEWEST, interval_of_share, wilson
from zephyr_deploy.spec.base import Frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from zephyr_deploy.bench.report import BenchReport, LevelReport, RequestRecord

TIMES = ("ttft", "ttft_sched", "itl", "tpot", "e2e", "e2e_sched")
POINTS = ("mean", "p50", "p90", "p95", "p99")
RATES = ("output_tokens_per_s", "requests_per_s")
SHARES = ("goodput", "errors")
NAMES = (*(f"{time}_{point}" for time in TIMES for point in POINTS), *RATES, *SHARES)
"""Every figure that is compared."""
MORE_IS_BETTER = {*RATES, "goodput"}
EFFECTS: dict[str, Callable[[RequestRecord], float | None]] = {
    "ttft": lambda record: from_due(record, record.ttft_ms),
    "tpot": tpot_of,
    "e2e": lambda record: from_due(record, record.e2e_ms),
}
"""What of a request is held against each request of the other report."""
NO_MATTER = {"loads", "price_per_hour_usd", "slo", "requests", "duration_s", "deadline_s"}
"""What of a spec may differ, and the same is measured all the same."""

Outcome = Literal["better", "worse", "no_difference", "too_few", "points_only"]


class Difference(Frozen):
    """One figure of both reports, in ``ms``, a second, or as a share."""

    figure: str
    a: float
    b: float
    difference: float
    """``b - a``."""
    interval: Interval | None
    """Between which values that is, with 95 % confidence; None: too few requests, or a report without intervals."""
    change: float | None
    """``b / a - 1``; None: ``a`` is 0."""
    change_interval: Interval | None
    outcome: Outcome
    """Of ``b``. It is better or worse only where zero is outside the interval."""


class LevelComparison(Frozen):
    """The figures of one load in both reports."""

    load: Load
    differences: tuple[Difference, ...]
    effects: dict[str, float]
    """By time: how likely a request of ``b`` took longer than one of ``a``; 0.5 is no effect. Empty: no records."""

    def of(self, figure: str) -> Difference | None:
        """The one of that name; None: one of the reports does not have it."""
        return next((one for one in self.differences if one.figure == figure), None)


class Side(Frozen):
    """Which report it is."""

    name: str
    started_at: str
    release: str | None


class Comparison(Frozen):
    """Report ``b`` beside report ``a``."""

    a: Side
    b: Side
    levels: tuple[LevelComparison, ...]
    only_a: tuple[str, ...]
    """Loads that ``b`` does not have."""
    only_b: tuple[str, ...]
    changed: tuple[str, ...]
    """What else of the two was not the same, in whole sentences: often the reason why they are compared."""
    doubts: tuple[str, ...]
    """What makes the comparison less than it seems, in whole sentences."""


class Seen(NamedTuple):
    """A figure of one level."""

    value: float
    interval: Interval | None


def compare(a: BenchReport, b: BenchReport, names: tuple[str, str] = ("A", "B")) -> Comparison:
    """``b`` beside ``a``, load by load; ``names`` are what the two are called."""
    pairs = list(_pairs(a, b))
    matched_a, matched_b = ([id(pair[side]) for pair in pairs] for side in (0, 1))
    sides = [
        Side(name=name, started_at=report.started_at.isoformat(timespec="seconds"), release=report.target.release)
        for name, report in zip(names, (a, b), strict=True)
    ]
    return Comparison(
        a=sides[0],
        b=sides[1],
        levels=tuple(_level(one, other) for one, other in pairs),
        only_a=tuple(str(level.load) for level in a.levels if id(level) not in matched_a),
        only_b=tuple(str(level.load) for level in b.levels if id(level) not in matched_b),
        changed=tuple(_changed(a, b)),
        doubts=tuple(_doubts(a, b, pairs, names)),
    )


def _pairs(a: BenchReport, b: BenchReport) -> Iterator[tuple[LevelReport, LevelReport]]:
    """Levels of the same load; where a load was measured several times, the first with the first and so on."""
    left = list(b.levels)
    for level in a.levels:
        other = next((one for one in left if one.load == level.load), None)
        if other is not None:
            left.remove(other)
            yield level, other


def _level(a: LevelReport, b: LevelReport) -> LevelComparison:
    both_have_intervals = has_intervals(a) and has_intervals(b)
    found = []
    for name in NAMES:
        in_a, in_b = seen(a, name), seen(b, name)
        if in_a is not None and in_b is not None:
            found.append(_difference(name, in_a, in_b, "too_few" if both_have_intervals else "points_only"))
    if a.goodput is not None and b.goodput is not None and a.goodput.slo != b.goodput.slo:
        found = [one for one in found if one.figure != "goodput"]
    effects = {name: chance_of_more(_each(a, value), _each(b, value)) for name, value in EFFECTS.items()}
    return LevelComparison(
        load=a.load,
        differences=tuple(found),
        effects={name: effect for name, effect in effects.items() if effect is not None},
    )


def seen(level: LevelReport, name: str) -> Seen | None:
    """The figure of that name; None: the level does not have it."""
    if name in RATES:
        return Seen(getattr(level, name), level.intervals.get(name))
    if name == "errors":
        return _errors(level)
    if name == "goodput":
        good = level.goodput
        return None if good is None else Seen(good.share, good.intervals.get("share"))
    time, point = name.rsplit("_", 1)
    spread = getattr(level, f"{time}_ms")
    value = None if spread is None else getattr(spread, point)
    return None if value is None else Seen(value, spread.intervals.get(point))


def _errors(level: LevelReport) -> Seen | None:
    if not level.requests:
        return None
    share = 1 - level.succeeded / level.requests
    if level.log:
        return Seen(share, interval_of_share([record.failure is not None for record in level.log]))
    return Seen(share, wilson(share, level.requests) if level.requests >= FEWEST else None)


def _difference(name: str, a: Seen, b: Seen, untold: Outcome) -> Difference:
    interval = change = None
    if a.interval is not None and b.interval is not None:
        interval = difference(a.value, a.interval, b.value, b.interval)
        change = ratio(a.value, a.interval, b.value, b.interval)
    return Difference(
        figure=name,
        a=a.value,
        b=b.value,
        difference=b.value - a.value,
        interval=interval,
        change=b.value / a.value - 1 if a.value else None,
        change_interval=None if change is None else (change[0] - 1, change[1] - 1),
        outcome=untold if interval is None else _outcome(name, interval),
    )


def _outcome(name: str, interval: Interval) -> Outcome:
    low, high = interval
    if low <= 0 <= high:
        return "no_difference"
    return "better" if (low > 0) == (name in MORE_IS_BETTER) else "worse"


def _each(level: LevelReport, value: Callable[[RequestRecord], float | None]) -> list[float]:
    found = (value(record) for record in level.log if record.failure is None)
    return [one for one in found if one is not None]


def _changed(a: BenchReport, b: BenchReport) -> Iterator[str]:
    for what in ("engine", "model_id", "release", "url"):
        before, after = getattr(a.target, what), getattr(b.target, what)
        if before != after:
            yield f"The {what.removesuffix('_id')} was {before or 'not known'} and is {after or 'not known'}."
    if a.target.served and b.target.served and a.target.served != b.target.served:
        yield f"It was {_served(a)} and is {_served(b)}."
    if a.measured_from != b.measured_from:
        yield f"Requests were sent by {PLACES[a.measured_from]} and are by {PLACES[b.measured_from]}."
    if a.tool_version != b.tool_version:
        yield f"zephyr-deploy was {a.tool_version} and is {b.tool_version}."


def _served(report: BenchReport) -> str:
    served = report.target.served
    return f"{served.image} on {served.shards} x {served.gpu}" if served else "unknown"


def _doubts(
    a: BenchReport, b: BenchReport, pairs: list[tuple[LevelReport, LevelReport]], names: tuple[str, str]
) -> Iterator[str]:
    for field in type(a.spec).model_fields:
        before, after = getattr(a.spec, field), getattr(b.spec, field)
        if field not in NO_MATTER and before != after:
            yield f"They did not ask the same: {field} was {before} and is {after}."
    if a.spec.slo != b.spec.slo:
        yield "Their SLOs differ, so that goodput is not compared."
    for place, (name, report) in enumerate(zip(names, (a, b), strict=True)):
        if report.partial:
            yield f"{name} is not whole: {report.partial}"
        for pair in pairs:
            yield from _doubts_of(pair[place], name)
    counted = Counter(one.tokens_counted_by == other.tokens_counted_by for one, other in pairs)
    if counted[False]:
        yield "Their tokens were counted in different ways, so that times per token and rates are not of the same unit."


def _doubts_of(level: LevelReport, name: str) -> Iterator[str]:
    if level.client.reason:
        yield f"{name} with {level.load}: {level.client.reason}"
    if level.held_back:
        yield f"{name} with {level.load}: {level.held_back} were held back, so that the timetable was not kept."
    if level.steady is not None and not level.steady.reached:
        yield f"{name} with {level.load} reached no steady state. {level.steady.reason}"
    if not has_intervals(level):
        yield f"{name} with {level.load} has no intervals (an earlier version): it is compared by its points alone."


def has_intervals(level: LevelReport) -> bool:
    """Whether any is there: none is in reports of earlier versions, and where next to nothing was answered."""
    spreads = (level.ttft_ms, level.itl_ms, level.e2e_ms)
    return bool(level.intervals) or any(spread is not None and spread.intervals for spread in spreads)
