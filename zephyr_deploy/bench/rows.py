"""A report as CSV: a line a request, or a line a level."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from zephyr_deploy.bench.report import RequestRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from zephyr_deploy.bench.report import BenchReport, LevelReport

LEFT_OUT = {"log", "server", "error_examples", "predicted", "remarks", "gaps_us", "gap_tokens"}
"""What is no figure of a line."""
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet takes text that begins so for a formula and carries it out."""


def requests_csv(report: BenchReport) -> str:
    """One line a measured request, in the order in which they were begun; empty cells where nothing is known."""
    kept = [name for name in RequestRecord.model_fields if name not in LEFT_OUT]
    return _csv(
        ("level", "load", *kept, "events", "largest_gap_ms"),
        (
            {
                "level": place,
                "load": str(level.load),
                **{name: getattr(one, name) for name in kept},
                "events": len(one.gaps_us) + 1 if one.gaps_us else None,
                "largest_gap_ms": max(one.gaps_us) / 1000 if one.gaps_us else None,
            }
            for place, level in enumerate(report.levels, 1)
            for one in level.log
        ),
    )


def levels_csv(report: BenchReport) -> str:
    """One line a level: every figure, those of a spread as ``ttft_ms.p50`` and so on."""
    rows = [{"level": place, **dict(_figures(level))} for place, level in enumerate(report.levels, 1)]
    columns = dict.fromkeys(name for row in rows for name in row)
    return _csv(tuple(columns), rows)


def _figures(level: LevelReport) -> Iterator[tuple[str, Any]]:
    yield "load", str(level.load)
    for name in type(level).model_fields:
        if name not in LEFT_OUT | {"load"}:
            yield from _flat(name, getattr(level, name))


def _flat(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, BaseModel):
        value = {field: getattr(value, field) for field in type(value).model_fields}
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(f"{name}.{key}", inner)
    elif isinstance(value, tuple):
        for place, inner in zip(("low", "high"), value, strict=False):
            yield from _flat(f"{name}.{place}", inner)
    else:
        yield name, value


def _csv(columns: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> str:
    columns = tuple(columns)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([_cell(column) for column in columns])
    writer.writerows([_cell(row.get(column)) for column in columns] for row in rows)
    return text.getvalue()


def _cell(value: Any) -> Any:
    """Text from elsewhere as text, whatever a spreadsheet would make of it."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
