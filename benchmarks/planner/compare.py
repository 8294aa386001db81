"""Puts the errors of other calculators beside ours, on exactly the points that each answers.

`anchors/answers.csv` holds what the others said (anchors/README.md tells how they were asked). Ours come as JSON lines
``{"row", "value"}``, in the unit of perf_points.csv and predicted without the publication that a point is from::

    python benchmarks/planner/compare.py ours.jsonl
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import statistics
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HERE = Path(__file__).resolve().parent
POINTS = HERE / "perf_points.csv"
ANSWERS = HERE / "anchors" / "answers.csv"

Point = Mapping[str, str]
"""A row of perf_points.csv."""
Chosen = Callable[[Point], bool]

CORE, QUANTIZED, JUDGED = "1", "2", "3"
"""In the column fit_use."""
AIC, AIC_RENAMED = "aiconfigurator", "aiconfigurator renamed"
"""In answers.csv: as it is; and Mistral's points alone, called Llama, which it would refuse."""


class StaleAnswersError(Exception):
    """answers.csv is of other points."""


@dataclass(frozen=True)
class Errors:
    """Absolute errors, as shares of what was measured."""

    n: int
    median: float
    p90: float
    bias: float
    """Median of the errors with their signs: below zero, it promises too short a time or too low a rate."""

    @classmethod
    def of(cls, signed: Sequence[float]) -> Errors | None:
        """Of errors with their signs; None where there are none."""
        if not signed:
            return None
        sizes = sorted(abs(error) for error in signed)
        return cls(len(sizes), statistics.median(sizes), quantile(sizes, 0.9), statistics.median(signed))


@dataclass(frozen=True)
class Line:
    """A calculator against us, on a set of points."""

    subset: str
    tool: str
    points: int
    """In the set; `theirs` has those that the calculator answers and we do."""
    theirs: Errors | None
    ours: Errors | None


def quantile(ordered: Sequence[float], share: float) -> float:
    """Of ascending numbers, with a straight line between neighbours."""
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def read_points(path: Path = POINTS) -> dict[int, Point]:
    """Every published point by its row: the first below the header is 0."""
    with path.open(encoding="utf-8", newline="") as file:
        return dict(enumerate(csv.DictReader(file)))


def read_answers(path: Path = ANSWERS, *, points: Path | None = POINTS) -> dict[str, dict[int, float]]:
    """What each calculator said, without its refusals.

    Args:
        path: Has answers.toml beside it.
        points: What must not have changed since they were asked; None: take it on trust.

    Raises:
        StaleAnswersError: it has changed.
    """
    about = _about(path)
    if points and hashlib.sha256(points.read_bytes()).hexdigest() != about["points_sha256"]:
        raise StaleAnswersError(f"{path} answers other points than those of {points}: run anchors/run.py")
    said: dict[str, dict[int, float]] = {tool: {} for tool in about["tools"]}
    with path.open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            for tool, values in said.items():
                if line[tool][:1].isdigit():
                    values[int(line["row"])] = float(line[tool])
    return said


def _about(answers: Path) -> dict[str, Any]:
    return tomllib.loads(answers.with_suffix(".toml").read_text(encoding="utf-8"))


def of_aic(point: Point) -> bool:
    """Whether a point is of the sample that aiconfigurator ships to test itself."""
    return point["source"].startswith("aiconfigurator")


def _core(point: Point) -> bool:
    return point["fit_use"] == CORE


SUBSETS: dict[str, Chosen] = {
    "core": _core,
    "core without aiconfigurator's own sample": lambda point: _core(point) and not of_aic(point),
    "aiconfigurator's own sample, 8B bf16 on H100": lambda point: _core(point) and of_aic(point),
    "Mistral-7B, core": lambda point: _core(point) and point["model_key"] == "mistral-7b",
    "TTFT, core": lambda point: _core(point) and point["kind"] in {"ttft_ms", "ttft_batch"},
    "TP 8, core": lambda point: _core(point) and point["tp"] == "8",
    "quantized": lambda point: point["fit_use"] == QUANTIZED,
    "TPOT of 8B, 32B and 70B, most in FP8": (
        lambda point: point["fit_use"] in {QUANTIZED, JUDGED} and point["kind"] == "itl_ms" and of_aic(point)
    ),
    "saturation": lambda point: point["kind"] == "max_out_tps" and point["fit_use"] == JUDGED,
}
COLUMNS = {
    "kind": "figure",
    "engine": "engine",
    "gpu": "GPU",
    "quant": "quantization",
    "tp": "cards",
    "source": "source",
}
"""Of perf_points.csv, by which the comparison is taken apart."""
ALL_ANSWER = "core, points that all answer"


def _errors(points: Mapping[int, Point], said: Mapping[int, float], rows: Iterable[int]) -> Errors | None:
    return Errors.of([said[row] / float(points[row]["value"]) - 1 for row in rows])


def against(
    subset: str,
    rows: Sequence[int],
    points: Mapping[int, Point],
    answers: Mapping[str, Mapping[int, float]],
    ours: Mapping[int, float],
) -> list[Line]:
    """Each calculator against us, on those of ``rows`` that both answer."""
    lines = []
    for tool, said in answers.items():
        both = [row for row in rows if row in said and row in ours]
        lines.append(Line(subset, tool, len(rows), _errors(points, said, both), _errors(points, ours, both)))
    return lines


def table(
    points: Mapping[int, Point], answers: Mapping[str, Mapping[int, float]], ours: Mapping[int, float]
) -> list[Line]:
    """Every calculator on every subset of `SUBSETS`, and on the points that all answer.

    aiconfigurator with Mistral renamed counts for Mistral's points alone.
    """
    lines: list[Line] = []
    for subset, chosen in SUBSETS.items():
        lines += against(subset, [row for row, point in points.items() if chosen(point)], points, answers, ours)
    everyone = [said for tool, said in answers.items() if tool != AIC_RENAMED]
    shared = [row for row, point in points.items() if _core(point) and all(row in said for said in everyone)]
    return lines + against(ALL_ANSWER, shared, points, answers, ours)


def breakdown(
    column: str,
    points: Mapping[int, Point],
    answers: Mapping[str, Mapping[int, float]],
    ours: Mapping[int, float],
) -> list[Line]:
    """Every calculator for each value of a column of perf_points.csv, over all points that are fitted or judged."""
    rows: dict[str, list[int]] = {}
    for row, point in points.items():
        if point["fit_use"] in {CORE, QUANTIZED, JUDGED}:
            rows.setdefault(point[column], []).append(row)
    return [line for value in sorted(rows) for line in against(value, rows[value], points, answers, ours)]


def markdown(lines: Sequence[Line], *, first: str = "points") -> str:
    """A table of one row a subset: how many a calculator answers, its median and 90th percentile | ours on the same."""
    tools = list(dict.fromkeys(line.tool for line in lines))
    subsets = list(dict.fromkeys(line.subset for line in lines))
    cells = {(line.subset, line.tool): line for line in lines}
    head = f"| {first} | " + " | ".join(tools) + " |\n|---|" + "---|" * len(tools) + "\n"
    return head + "".join(
        f"| {subset} ({cells[subset, tools[0]].points}) | "
        + " | ".join(_cell(cells[subset, tool]) for tool in tools)
        + " |\n"
        for subset in subsets
    )


def _cell(line: Line) -> str:
    if line.theirs is None or line.ours is None:
        return "none"
    theirs, ours = line.theirs, line.ours
    return f"{theirs.n}: {_percent(theirs)}, ours {_percent(ours)}"


def _percent(errors: Errors) -> str:
    return f"{100 * errors.median:.1f} / {100 * errors.p90:.0f}"


def report(ours: Mapping[int, float], *, points: Path = POINTS, answers: Path = ANSWERS) -> str:
    """The whole comparison as Markdown: who was asked and when, the subsets, and a table for each of `COLUMNS`.

    Args:
        ours: By row; predicted without the publication that a point is from.
        points: perf_points.csv.
        answers: Has answers.toml beside it.

    Raises:
        StaleAnswersError: the answers are to other points.
    """
    about = _about(answers)
    published, said = read_points(points), read_answers(answers, points=points)
    versions = ", ".join(dict.fromkeys(pin.replace("==", " ") for pin in about["tools"].values()))
    text = (
        f"{versions}, asked on {about['as_of']}. In each cell: how many points the calculator answers, the median and"
        " the 90th percentile of its absolute error in %, and ours on exactly the same points. In brackets: points in"
        " all.\n\n" + markdown(table(published, said, ours))
    )
    for column, title in COLUMNS.items():
        text += f"\n### By {title}\n\n" + markdown(breakdown(column, published, said, ours), first=title)
    return text


def read_ours(lines: Iterable[str]) -> dict[int, float]:
    """Our predictions by row, from JSON lines."""
    said = (json.loads(line) for line in lines if line.strip())
    return {int(each["row"]): float(each["value"]) for each in said}


def main() -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ours", type=Path, help="our predictions, JSON lines")
    options = parser.parse_args()
    with options.ours.open(encoding="utf-8") as file:
        print(report(read_ours(file)))


if __name__ == "__main__":
    main()
