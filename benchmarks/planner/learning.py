"""Says what a calibration is worth, by the measurements that others have published.

Constants are corrected by a few points of one engine, card and model, and its other points are predicted. They were
fitted without everything that the same author has published. Needs numpy and scipy (dependency group `fit`). A run
takes a minute.

Usage: python benchmarks/planner/learning.py [--write]

    --write      writes docs/explanation/planner-learning.md
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from datetime import datetime, timezone
from math import log
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from fitting import Priors, fit
from folds import used, weights
from measures import Prepared, of_classes
from points import doubts, read, table
from spread import classes_of, figure_of

from zephyr_deploy.plan.learned import INPUT_TOKENS, LOADS, OUTPUT_TOKENS
from zephyr_deploy.plan.speed.roofline import PLAIN, Coefficients, Work
from zephyr_deploy.plan.speed.serving import Load, closed_loop
from zephyr_deploy.plan.speed.solve import solve, spread_of, unsure_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from points import Point

    from zephyr_deploy.plan.speed.constants import Speed
    from zephyr_deploy.plan.speed.correction import Correction

PAGE = Path(__file__).resolve().parents[2] / "docs/explanation/planner-learning.md"
LEAST = 4  # points of a group
LOWEST = 8  # requests at a time, at most, of the point that stands for one alone
PROBED = (8, 32)
MOST = 64
UNPROBED = {"burst_out_tps", "max_out_tps"}  # a calibration measures no such thing
IDLE = {"ttft_ms", "ttft_batch"}
STATIC = {"static_latency", "static_out_tps", "burst_out_tps"}
STEPS = ("nothing", "one request at a time", "that and a first token", "that and 8 and 32 at a time")


class Asked(NamedTuple):
    """A point as the solver takes it: what kind of figure, its value, and which of the group it is."""

    kind: str
    value: float
    place: int | Load


class Error(NamedTuple):
    """Of one prediction of a point that the correction has not seen."""

    point: Point
    off: float
    """Logarithm of predicted / measured."""
    width: float
    """Half of the interval, in logarithms."""


class Group:
    """Measurements of one engine on one card with one model, by one author, under given constants."""

    def __init__(self, points: list[Point], constants: Speed) -> None:
        self.points, self.constants = points, constants
        rows = table(points)
        one = [np.arange(len(points)) == i for i in range(len(points))]
        self._prepared = [Prepared(rows.some(mask)) for mask in one]
        self._use = [of_classes(prepared.table, constants) for prepared in self._prepared]
        first = self._prepared[0].table
        self._work = Work(*(float(column[0]) for column in first.work))
        self._room = float(first.kv_tokens[0])
        self.asked = [Asked(figure_of(p), p.value, i) for i, p in enumerate(points)]

    def predict(self, asked: Asked, correction: Correction) -> float:
        """In the unit of the table; of a load that was not measured, as the planner would."""
        times = [getattr(correction, name, 1.0) for name in Coefficients._fields]
        if isinstance(asked.place, Load):
            use = Coefficients(*(float(one * by) for one, by in zip(self._use[0][0], times, strict=True)))
            speeds = closed_loop(self._work, use, asked.place, PLAIN)
            return {"ttft": speeds.ttft, "itl": speeds.itl, "throughput": speeds.output_tokens}[asked.kind]
        return float(self._prepared[asked.place].predicted(self._use[asked.place] * times)[0])

    def probes(self) -> list[list[int]]:
        """Which points a calibration would have, step by step; empty: there is none of one request at a time."""
        rest = [i for i, p in enumerate(self.points) if figure_of(p) != "ttft" and p.kind not in UNPROBED]
        if not rest:
            return []
        alone = min(rest, key=lambda i: (self.points[i].requests, self.points[i].kind in STATIC, self.points[i].prompt))
        if self.points[alone].requests > LOWEST:
            return []
        firsts = [i for i, p in enumerate(self.points) if p.kind in IDLE and p.requests <= 1]
        first = sorted(firsts, key=lambda i: abs(log(self.points[i].prompt / 1024)))[:1]
        near = [i for i in rest if self.points[i].requests <= MOST]
        loads = [min(near, key=lambda i: self._far(i, load, alone)) for load in PROBED]
        steps = [[], [alone], [alone, *first], [alone, *first, *loads]]
        return [list(dict.fromkeys(step)) for step in steps]

    def _far(self, i: int, load: int, like: int) -> tuple[float, float]:
        p, other = self.points[i], self.points[like]
        return abs(log(max(p.requests, 0.1) / load)), abs(log(p.prompt / other.prompt)) + (p.kind != other.kind)

    def errors(self, given: list[int], tested: list[int]) -> Iterator[Error]:
        """Of the points that are tested, under the correction by those that are given."""
        found = solve([self.asked[i] for i in given], self.predict)
        widths = {kind: max(self._widths(kind, found)) for kind in ("ttft", "itl", "throughput")}
        for i in tested:
            point, asked = self.points[i], self.asked[i]
            off = log(self.predict(asked, found.correction) / point.value)
            stated = published(point, self.constants)
            yield Error(point, off, spread_of(widths[asked.kind], stated) if given else stated)

    def _widths(self, kind: str, found: object) -> Iterator[float]:
        for load in LOADS:
            asked = Asked(kind, 1, Load(INPUT_TOKENS, OUTPUT_TOKENS, load, self._room))
            yield unsure_at(asked, found, self.predict)


def published(point: Point, constants: Speed) -> float:
    """Half of the interval of a plan that nothing was measured for."""
    interval = constants.interval
    found = interval["half_width"]
    for name in classes_of(point):
        found *= interval.get(name, 1.0)
    return found


def groups(points: list[Point]) -> Iterator[tuple[str, list[Point]]]:
    """By author and setup; those that can be predicted, and that no doubt is about."""
    found: dict[tuple, list[Point]] = defaultdict(list)
    for p in points:
        if (p.use or p.kind == "ttft_closed") and not p.kind.startswith("open") and not doubts(p):
            found[p.source, p.model, p.gpu, p.shards, p.quant, p.engine, p.version].append(p)
    for some in found.values():
        if len(some) >= LEAST:
            yield some[0].publication, some


def all_errors() -> dict[str, list[Error]]:
    """By step."""
    points, _ = used(read())
    priors, weight = Priors(), weights(points)
    best = fit(table([p for p, w in zip(points, weight, strict=True) if w]), weight[weight > 0], priors)
    closed = [p for p in read() if p.kind == "ttft_closed"]
    by_author: dict[str, list[list[Point]]] = defaultdict(list)
    for author, some in groups([*points, *closed]):
        by_author[author].append(some)
    found: dict[str, list[Error]] = {step: [] for step in STEPS}
    for author, several in sorted(by_author.items()):
        constants = without(author, points, weight, priors, best)
        for some in several:
            add(Group(some, constants), found)
    return found


def without(author: str, points: list[Point], weight: np.ndarray, priors: Priors, best: np.ndarray) -> Speed:
    """Constants that have seen nothing of an author's; the intervals are those that are published."""
    from zephyr_deploy.plan.speed.constants import speed

    rest = (weight > 0) & np.array([p.publication != author for p in points])
    x = fit(table([points[i] for i in np.flatnonzero(rest)]), weight[rest], priors, best)
    return priors.constants(x).model_copy(update={"interval": speed().interval})


def add(group: Group, found: dict[str, list[Error]]) -> None:
    """The errors of one group at each step; always of the same points, which no step has seen."""
    steps = group.probes()
    if not steps:
        return
    tested = [i for i in range(len(group.points)) if i not in steps[-1]]
    for step, given in zip(STEPS, steps, strict=True):
        found[step] += group.errors(given, tested)


def markdown(found: dict[str, list[Error]]) -> str:
    """The page."""
    today = datetime.now(tz=timezone.utc).date()
    lines = [
        "# What a calibration is worth",
        "",
        f"Written by `python benchmarks/planner/learning.py --write` on {today}; do not edit.",
        "How constants are solved: [Calibrate](../guides/calibrate.md).",
        "",
        "For each engine, card and model that somebody has published several points of, constants are fitted to what",
        "all others have published, corrected by a few of those points, and the rest is predicted: medians and p90 of",
        "the error's size, the median with its sign, how many measurements the stated interval of 80 % holds, and how",
        "far it reaches up (median).",
        "",
        "Times to the first token are nearly all of aiconfigurator's closed loops, which were not fitted to: how long",
        "a request waits for others' prompts hangs on how they meet, and the interval, which is that of an idle",
        "engine, holds too few of them. A plan's time to the first token under load is to be read with that in mind.",
        "",
    ]
    figures: dict[str, Callable[[Point], bool]] = {"All": lambda _p: True}
    names = {"itl": "Time between tokens", "ttft": "Time to the first token", "throughput": "Throughput, whole batches"}
    for figure, name in names.items():
        figures[name] = lambda p, figure=figure: figure_of(p) == figure
    authors = sorted({error.point.publication for error in found[STEPS[0]]})
    for author in authors:
        figures[author] = lambda p, author=author: p.publication == author
    for name, chosen in figures.items():
        lines += section(name, {step: [e for e in some if chosen(e.point)] for step, some in found.items()})
    return "\n".join(lines) + "\n"


COLUMNS = ("corrected by", "median, %", "p90, %", "bias, %", "held, %", "interval, %")


def section(name: str, found: dict[str, list[Error]]) -> list[str]:
    """One table."""
    lines = [f"## {name}", "", f"{len(found[STEPS[0]])} points.", "", _line(COLUMNS), "|---|--:|--:|--:|--:|--:|"]
    for step, errors in found.items():
        off = np.array([error.off for error in errors])
        width = np.array([error.width for error in errors])
        size = np.abs(np.expm1(off))
        cells = (
            f"{100 * np.median(size):.1f}",
            f"{100 * np.quantile(size, 0.9):.1f}",
            f"{100 * np.median(np.expm1(off)):+.1f}",
            f"{100 * np.mean(np.abs(off) <= width):.0f}",
            f"{100 * np.median(np.expm1(width)):.0f}",
        )
        lines.append(_line((step, *cells)))
    return [*lines, ""]


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """What the usage says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    page = markdown(all_errors())
    print(page)
    if given.write:
        PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
