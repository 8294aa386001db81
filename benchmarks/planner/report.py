"""The errors, in tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import compare
import numpy as np
from points import doubts
from spread import classes_of, figure_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from folds import Errors
    from points import Point

HELD_OUT = "fitted | table held out | author held out"


def core(p: Point) -> bool:
    """Of the main table: 16 bits for the most part, and models of 7B and more."""
    return p.use == 1


TARGETS: tuple[tuple[str, str, Callable[[Point], bool]], ...] = (
    ("core", "9, p90 30", core),
    ("time to first token, idle", "20", lambda p: core(p) and p.kind == "ttft_ms"),
    ("8 shards", "20", lambda p: core(p) and p.shards == 8),  # noqa: PLR2004
    ("FP8", "9", lambda p: p.use == 2 and p.weights.startswith("fp8")),  # noqa: PLR2004
    ("4 bits", "12", lambda p: p.use == 2 and p.weights == "int4"),  # noqa: PLR2004
    ("saturation (TensorRT-LLM 1.0, never fitted)", "20", lambda p: p.kind == "max_out_tps" and p.use > 0),
    ("aiconfigurator's H100 sample", "12", lambda p: p.source.endswith("8B trtllm h100") and p.kind == "itl_ms"),
)


def markdown(
    found: Errors,
    refused: list[tuple[Point, str]],
    never: Errors,
    interval: tuple[float, dict[str, float]],
    day: date,
) -> str:
    """The page."""
    parts = [
        "# How far off the planner is",
        f"Written by `python benchmarks/planner/fit.py --write` on {day}; do not edit. Formulas: [Speed](planner.md).",
        INTRODUCTION,
        "## Against what was to be reached",
        targets(found),
        REASONS,
        "## Beside other calculators",
        OTHERS,
        compare.report(without_table(found)),
        "## By class",
        *(f"### {title}\n\n{grouped(found, key)}" for title, key in FACETS),
        "## Never fitted",
        NEVER,
        grouped(found, lambda p: p.source, lambda p: p.use == 3, fitted_only=True),  # noqa: PLR2004
        grouped(never, lambda p: f"{p.source}, {p.kind}", fitted_only=True),
        "## The interval",
        coverage(found, interval),
        "## Refused, and doubted",
        refusals(found, refused),
    ]
    return "\n\n".join(parts) + "\n"


INTRODUCTION = """\
Errors are of predicted against measured, as shares: the median of their sizes, the size that nine of ten stay below
(p90), and the median with its sign, negative where the planner is too low. "Fitted" has seen the measurement; "table
held out" has not seen the table it was published in, and "author held out" nothing that its author has published: all
constants are fitted again each time. What the priors believe was written by someone who had seen the tables, so that
publications which nobody has seen will be somewhat worse.
"""

REASONS = """\
Four bits miss what was to be reached. The table has three authors: two measured one request at a time on one or three
cards with kernels of 2023, one a burst of 100 requests on fourteen cards, and nothing in one tells how fast the kernels
of the other are. What would help: batches between 4 and 64 with Marlin on two cards.

8 shards: a third of the points are of TGI 1.0, most of them on machines whose eight A10G speak over PCIe, and far
slower than anything else in the table would say. Without them the median is in the last line.
"""

OTHERS = """\
What other tools predict of the same points; how each was asked, and why so, is in
`benchmarks/planner/anchors/README.md`. Ours here is without the table that a point was published in.
"""

NEVER = """\
Kinds and tables that the fit never sees. `ttft_closed` is the mean time to the first token of a whole closed-loop run,
which starts with all requests at once, and contains the wait for room in the KV cache; `open_*` is under Poisson
arrivals of a rate, much of it beyond what the machines could serve, where waits depend on how long was measured.
"""


def without_table(found: Errors) -> dict[int, float]:
    """What was predicted of each point without its table, by its row, in its own unit."""
    return {p.row: p.value * float(np.exp(e)) for p, e in zip(found.points, found.by_source, strict=True)}


def targets(found: Errors) -> str:
    """Reached or not."""
    lines = ["| points | n | median to reach, % | table held out | author held out |", "|---|--:|--:|--:|--:|"]
    rows = [*TARGETS, ("8 shards without TGI 1.0", "", lambda p: core(p) and p.shards == 8 and p.engine != "tgi")]  # noqa: PLR2004
    for name, wanted, chosen in rows:
        at = [i for i, p in enumerate(found.points) if chosen(p)]
        lines.append(
            f"| {name} | {len(at)} | {wanted} | {_error(found.by_source[at])} | {_error(found.by_publication[at])} |"
        )
    return "\n".join(lines)


def _counted(p: Point) -> bool:
    return p.use > 0


FACETS: tuple[tuple[str, Callable[[Point], Any]], ...] = (
    ("Engine generation", lambda p: p.era),
    ("Kind", lambda p: p.kind),
    ("GPU", lambda p: p.gpu),
    ("Weights", lambda p: p.weights),
    ("Shards", lambda p: p.shards),
    ("Model", lambda p: p.model),
    ("Table", lambda p: p.source),
)


def grouped(
    found: Errors,
    key: Callable[[Point], Any],
    chosen: Callable[[Point], bool] = _counted,
    *,
    fitted_only: bool = False,
) -> str:
    """A table by class."""
    groups: dict[str, list[int]] = {}
    for i, p in enumerate(found.points):
        if (chosen(p) or (fitted_only and chosen is _counted)) and np.isfinite(found.fitted[i]):
            groups.setdefault(str(key(p)), []).append(i)
    if fitted_only:
        head = ["| | n | median, % | p90 | with sign |", "|---|--:|--:|--:|--:|"]
        rows = [
            f"| {name} | {len(at)} | " + " | ".join(part(found.fitted[at]) for part in (_median, _p90, _bias)) + " |"
            for name, at in sorted(groups.items())
        ]
        return "\n".join(head + rows)
    head = [f"| | n | {HELD_OUT} |", "|---|--:|--:|--:|--:|"]
    rows = [
        f"| {name} | {len(at)} | {_error(found.fitted[at])} | {_error(found.by_source[at])} "
        f"| {_error(found.by_publication[at])} |"
        for name, at in sorted(groups.items())
    ]
    return "\n".join(["Each: median, p90, median with its sign, in %.", "", *head, *rows])


def coverage(found: Errors, interval: tuple[float, dict[str, float]]) -> str:
    """How many of the measurements the intervals hold."""
    width, factors = interval
    at = [i for i, p in enumerate(found.points) if p.use and not doubts(p)]
    points = [found.points[i] for i in at]
    half = np.array([width * np.prod([factors.get(name, 1) for name in classes_of(p)]) for p in points])
    inside = {name: np.abs(getattr(found, name)[at]) <= half for name in ("fitted", "by_source", "by_publication")}
    lines = [
        "Made to hold four of five measurements of an author that was held out; the share that it holds, in %:",
        "",
        f"| | n | half width, % | {HELD_OUT} |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    facets: tuple[tuple[str, Callable[[Point], str]], ...] = (
        ("all", lambda _: ""),
        ("era", lambda p: p.era),
        ("figure", figure_of),
        ("shards", lambda p: str(p.shards)),
        ("weights", lambda p: p.weights),
    )
    for title, key in facets:
        for name in sorted({key(p) for p in points}):
            of = np.array([key(p) == name for p in points])
            shares = " | ".join(f"{100 * held[of].mean():.0f}" for held in inside.values())
            lines.append(f"| {title} {name} | {of.sum()} | {100 * np.expm1(np.median(half[of])):.0f} | {shares} |")
    lines += ["", f"Wider beyond what was measured: a card that nobody measured by {factors['beyond.card']:.2f} (found"]
    lines[-1] += " by holding each card out); engines, more than 8 shards, mixtures of experts and NF4 by judgement."
    return "\n".join(lines)


def refusals(found: Errors, refused: list[tuple[Point, str]]) -> str:
    """What is not fitted, and why."""
    lines = ["Refused, because no such card can do it:", "", "| table | setup | said |", "|---|---|---|"]
    for p, why in refused:
        setup = f"{p.model} on {p.shards}x {p.gpu}, {p.quant}, {p.engine}, {p.prompt:g}+{p.output:g}, {p.requests:g}"
        lines.append(f"| {p.source} | {setup} | {p.kind}: {why} |")
    doubted = {(p.source, doubts(p)) for p in found.points if doubts(p)}
    lines += ["", "In the errors above, and not in the fit:", ""]
    lines += [f"- {source}: {why}." for source, why in sorted(doubted)]
    return "\n".join(lines)


def summary(found: Errors) -> str:
    """Of a table that was not fitted."""
    at = range(len(found.points))
    parts = [f"{len(found.points)} points: {_error(found.fitted[list(at)])}"]
    parts += [f"### {title}\n\n{grouped(found, key, lambda _: True, fitted_only=True)}" for title, key in FACETS]
    return "\n\n".join(parts)


def _sizes(error: np.ndarray) -> np.ndarray:
    return np.abs(np.expm1(error))


def _median(error: np.ndarray) -> str:
    return f"{100 * np.median(_sizes(error)):.1f}" if len(error) else ""


def _p90(error: np.ndarray) -> str:
    return f"{100 * np.quantile(_sizes(error), 0.9):.0f}" if len(error) else ""


def _bias(error: np.ndarray) -> str:
    return f"{100 * np.median(np.expm1(error)):+.0f}" if len(error) else ""


def _error(error: np.ndarray) -> str:
    return f"{_median(error)} ({_p90(error)}; {_bias(error)})" if len(error) else ""
