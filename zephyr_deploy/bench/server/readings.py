"""Readings of a server's metrics, and what they say together: curves over time, and times over a whole level. Pure."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from zephyr_deploy.bench.server.view import Series, Times
from zephyr_deploy.engines.shown import CLOCKS, CURVES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from zephyr_deploy.engines.shown import Clock, Curve, Shown

NS_PER_MS = 1e6
NS_PER_S = 1e9
MS_PER_S = 1e3


class Value(NamedTuple):
    """One line of Prometheus' text."""

    labels: Mapping[str, str]
    value: float


class Reading(NamedTuple):
    """A server's metrics at one instant, in nanoseconds of ``time.perf_counter_ns``."""

    at_ns: int
    values: Mapping[str, Sequence[Value]]
    """By the name that stands in the text."""

    def total(self, names: Sequence[str], labels: str = "sum") -> float | None:
        """The first metric of ``names`` that is there, over its label sets; None: none is."""
        found = next((self.values[name] for name in names if name in self.values), ())
        numbers = [one.value for one in found if math.isfinite(one.value)]
        if not numbers:
            return None
        return sum(numbers) / (len(numbers) if labels == "mean" else 1)


def read(text: str, at_ns: int) -> Reading:
    """A reading from Prometheus' text.

    Raises:
        ValueError: it is none.
    """
    from prometheus_client.parser import text_string_to_metric_families

    # By its type the library would call a counter `…_total`, which TGI's are not called.
    untyped = "\n".join(line for line in text.split("\n") if not line.startswith("#"))
    values: dict[str, list[Value]] = {}
    for family in text_string_to_metric_families(untyped):
        for sample in family.samples:
            values.setdefault(sample.name, []).append(Value(sample.labels, sample.value))
    return Reading(at_ns, values)


def kind_of(readings: Sequence[Reading], kinds: Sequence[Shown]) -> Shown | None:
    """Whose metrics these are; None: of no engine that is known."""
    names = {name for reading in readings for name in reading.values}
    return next((kind for kind in kinds if any(name.startswith(kind.prefix) for name in names)), None)


def series_of(readings: Sequence[Reading], shown: Shown, began_ns: int, ended_ns: int) -> tuple[Series, ...]:
    """Every curve that the server shows, over the time of a level, by readings of it and around it."""
    within = [one for one in readings if began_ns <= one.at_ns <= ended_ns] or readings
    found: list[Series] = []
    for curve in shown.curves:
        seen = _now(within, curve) if curve.way == "now" else _between(readings, curve)
        points = tuple(((at_ns - began_ns) / NS_PER_MS, value) for at_ns, value in seen)
        title, unit = CURVES[curve.name]
        if points:
            found.append(Series(name=curve.name, title=title, unit=unit, points=points))
    return tuple(found)


def _now(readings: Sequence[Reading], curve: Curve) -> Iterator[tuple[int, float]]:
    for reading in readings:
        value = reading.total(curve.metrics, curve.labels)
        if value is not None:
            yield reading.at_ns, value * curve.scale


def _between(readings: Sequence[Reading], curve: Curve) -> Iterator[tuple[int, float]]:
    for before, after in pairwise(readings):
        rise, other = _rise(before, after, curve.metrics), _rise(before, after, curve.of)
        seconds = (after.at_ns - before.at_ns) / NS_PER_S
        if curve.way == "rate" and rise is not None and seconds > 0:
            yield after.at_ns, rise / seconds * curve.scale
        elif curve.way == "share" and rise is not None and other:
            yield after.at_ns, rise / other * curve.scale


def _rise(before: Reading, after: Reading, names: Sequence[str]) -> float | None:
    """Of a counter; None: it is not there, or the server was started anew in between. One that is new began at 0."""
    now = after.total(names)
    if now is None:
        return None
    rise = now - (before.total(names) or 0.0)
    return rise if rise >= 0 else None


def restarted(readings: Sequence[Reading], shown: Shown) -> bool:
    """Whether a counter has fallen, as all do when a server is started anew."""
    counters = [curve.metrics for curve in shown.curves if curve.way != "now"]
    return any(
        (after.total(names) or 0.0) < (before.total(names) or 0.0)
        for before, after in pairwise(readings)
        for names in counters
        if after.total(names) is not None
    )


def times_of(readings: Sequence[Reading], shown: Shown) -> tuple[Times, ...]:
    """The server's own times of what it counted between the first and the last reading."""
    if len(readings) < 2:  # noqa: PLR2004
        return ()
    found = (_times(readings[0], readings[-1], clock) for clock in shown.clocks)
    return tuple(times for times in found if times is not None)


def _times(first: Reading, last: Reading, clock: Clock) -> Times | None:
    for name in clock.metrics:
        n = _of(last, f"{name}_count", clock) - _of(first, f"{name}_count", clock)
        seconds = _of(last, f"{name}_sum", clock) - _of(first, f"{name}_sum", clock)
        if n > 0 and seconds >= 0:
            buckets = _buckets(first, last, name, clock)
            return Times(
                name=clock.name,
                title=CLOCKS[clock.name],
                n=round(n),
                mean_ms=seconds / n * MS_PER_S,
                p50_ms=_quantile(buckets, 0.5),
                p99_ms=_quantile(buckets, 0.99),
            )
    return None


def _of(reading: Reading, name: str, clock: Clock) -> float:
    return sum(one.value for one in reading.values.get(name, ()) if _counts(one, clock))


def _counts(value: Value, clock: Clock) -> bool:
    return clock.where is None or value.labels.get(clock.where[0]) == clock.where[1]


def _buckets(first: Reading, last: Reading, name: str, clock: Clock) -> list[tuple[float, float]]:
    """Upper bound in seconds, and how many observations between the two readings were at most that."""
    counts: dict[float, float] = {}
    for reading, sign in ((last, 1), (first, -1)):
        for one in reading.values.get(f"{name}_bucket", ()):
            if _counts(one, clock):
                bound = float(one.labels.get("le", "nan"))
                counts[bound] = counts.get(bound, 0.0) + sign * one.value
    return sorted((bound, count) for bound, count in counts.items() if not math.isnan(bound))


def _quantile(buckets: Sequence[tuple[float, float]], share: float) -> float | None:
    """In milliseconds, linear within a bucket, as Prometheus' ``histogram_quantile``; None: beyond the last bound."""
    if not buckets or buckets[-1][1] <= 0:
        return None
    rank, low, below = share * buckets[-1][1], 0.0, 0.0
    for bound, count in buckets:
        if count >= rank:
            if math.isinf(bound):
                return None
            inside = count - below
            return (low + (bound - low) * ((rank - below) / inside if inside else 1.0)) * MS_PER_S
        low, below = bound, count
    return None
