"""All figures of all levels as two tables, whatever fields a level has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import BaseModel

from zephyr_deploy.bench.page.numbers import short
from zephyr_deploy.bench.page.words import Name, name_of
from zephyr_deploy.bench.stats import Spread

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from zephyr_deploy.bench.report import BenchReport, LevelReport

ELSEWHERE = {"load", "log", "server", "client", "predicted", "remarks", "error_examples", "errors", "intervals"}
"""Fields of a level that have a place of their own on the page, or belong to other figures."""
OF_A_SPREAD = ("mean", "p50", "p90", "p95", "p99", "max")


class Cell(NamedTuple):
    """A figure, and between which values it is with 95 % confidence."""

    text: str
    interval: str = ""


class Row(NamedTuple):
    """A name, and a figure in each column."""

    name: str
    cells: tuple[Cell, ...]


class Group(NamedTuple):
    """One figure that is spread: a row a level."""

    title: str
    rows: tuple[Row, ...]


NOTHING = Cell("-")


def single(report: BenchReport) -> tuple[Row, ...]:
    """Figures of a level that are one number or word, failures by kind included: a column a level."""
    kinds = dict.fromkeys(kind for level in report.levels for kind in level.errors)
    return (
        *(row for field in _fields(report) if not _is_spread(field, report) for row in _single(field, report.levels)),
        *(Row(f"Failed: {kind}", tuple(_cell(one.errors.get(kind, 0)) for one in report.levels)) for kind in kinds),
    )


def spread(report: BenchReport) -> tuple[Group, ...]:
    """Figures of which there are many in a level: mean, percentiles, maximum and n."""
    return tuple(
        Group(
            _titled(name_of(field)),
            tuple(
                Row(str(level.load), tuple(_parts(found))) for level in report.levels if (found := _of(level, field))
            ),
        )
        for field in _fields(report)
        if _is_spread(field, report)
    )


def _fields(report: BenchReport) -> list[str]:
    return [field for field in type(report.levels[0]).model_fields if field not in ELSEWHERE] if report.levels else []


def _of(level: LevelReport, field: str) -> Spread | None:
    value = getattr(level, field)
    return value if isinstance(value, Spread) else None


def _is_spread(field: str, report: BenchReport) -> bool:
    return any(_of(level, field) for level in report.levels)


def _parts(found: Spread) -> Iterator[Cell]:
    for part in OF_A_SPREAD:
        yield _cell(getattr(found, part), found.intervals.get(part))
    yield _cell(found.n)


def _single(field: str, levels: Sequence[LevelReport]) -> Iterator[Row]:
    values = [getattr(level, field) for level in levels]
    if all(value in (None, "", (), {}) for value in values):
        return
    nested = next((value for value in values if isinstance(value, BaseModel)), None)
    if nested is None:
        yield Row(_titled(name_of(field)), tuple(_within(level, field) for level in levels))
        return
    for inner in type(nested).model_fields:
        inside = [getattr(value, inner, None) for value in values]
        if inner not in ELSEWHERE and any(_is_plain(value) for value in inside):
            name = name_of(inner)
            title = Name(f"{name_of(field).text}: {name.text.lower()}", name.unit)
            yield Row(_titled(title), tuple(_within(value, inner) for value in values))


def _within(value: Any, field: str) -> Cell:
    """A field of a level, or of what is inside one."""
    return _cell(getattr(value, field, None), getattr(value, "intervals", {}).get(field))


def _is_plain(value: Any) -> bool:
    """Whether it can stand in a cell, and is not empty."""
    return isinstance(value, int | float) or (isinstance(value, str | dict) and bool(value))


def _cell(value: Any, interval: tuple[float, float] | None = None) -> Cell:
    between = f"{short(interval[0])} to {short(interval[1])}" if interval else ""
    if not _is_plain(value):
        return NOTHING
    if isinstance(value, dict):
        return Cell(", ".join(f"{name} {count:,}" for name, count in value.items()))
    if isinstance(value, int) and not isinstance(value, bool):
        return Cell(f"{value:,}", between)
    return Cell(short(value) if isinstance(value, float) else str(value), between)


def _titled(name: Name) -> str:
    return f"{name.text}, {name.unit}" if name.unit and name.unit != "/s" else name.text
