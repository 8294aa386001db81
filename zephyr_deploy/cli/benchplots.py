"""A benchmark's report on a terminal: how TTFT and ITL are distributed, and throughput against latency."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from zephyr_deploy.bench.page.curve import brief
from zephyr_deploy.bench.page.distributions import axis_of, counts_of, gaps_of, ttfts_of
from zephyr_deploy.cli.plot import Plot, Point, on_a_terminal, ticks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console, ConsoleOptions, RenderResult

    from zephyr_deploy.bench.page.scales import Scale
    from zephyr_deploy.bench.report import BenchReport

WIDTH = 60
"""Columns of a histogram."""
BLOCKS = " ▁▂▃▄▅▆▇█"
LETTERS = " .:-=+*#@"
"""The same where there is ASCII alone."""
SHOWN = (("TTFT", ttfts_of), ("ITL", gaps_of))
FEWEST = 2
"""Levels from which on there is a curve."""
SHAPED = 8
"""Values from which on a histogram has a shape."""


class BenchPlots:
    """Small plots below the table; no histograms for a report that keeps no requests, or of a few requests."""

    def __init__(self, report: BenchReport) -> None:
        self._report = report

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        """As rich draws it."""
        signs = LETTERS if options.ascii_only else BLOCKS
        for title, values_of in SHOWN:
            found = [
                (str(level.load), ordered)
                for level in self._report.levels
                if len(ordered := sorted(values_of(level))) >= SHAPED
            ]
            if found:
                yield Text(f"\n{title}", style="bold")
                yield from (Text(line, no_wrap=True) for line in _histograms(found, signs))
        drawn = _curve(self._report)
        if drawn is not None:
            yield Text("\nTHROUGHPUT AGAINST LATENCY", style="bold")
            yield Text(on_a_terminal(drawn, "p50; a number is a load"), no_wrap=True)


def _histograms(found: Sequence[tuple[str, list[float]]], signs: str) -> Iterator[str]:
    axis = axis_of([ordered for _, ordered in found])
    beside = max(len(load) for load, _ in found)
    for load, ordered in found:
        yield f"{load:>{beside}} |{_bars(counts_of(ordered, axis, WIDTH), signs)}|"
    yield " " * (beside + 2) + _under(axis)


def _bars(counts: Sequence[int], signs: str) -> str:
    """A sign a column; whatever is more than nothing can be seen."""
    most, highest = max(counts), len(signs) - 1
    return "".join(signs[-(-count * highest // most)] for count in counts)


def _under(axis: Scale) -> str:
    line = ""
    for tick in axis.ticks:
        label = tick.label.replace("µ", "u")
        start = min(round(tick.at * (WIDTH - 1)), WIDTH - len(label))
        if start > len(line) or not line:
            line = line.ljust(start) + label
    return line


def _curve(report: BenchReport) -> Plot | None:
    known = [(level, level.itl_ms.p50) for level in report.levels if level.itl_ms and level.itl_ms.p50 > 0]
    if len(known) < FEWEST:
        return None
    x_ticks = ticks(max(itl for _, itl in known))
    y_ticks = ticks(max(level.output_tokens_per_s for level, _ in known))
    right, top = float(x_ticks[-1].label), float(y_ticks[-1].label)
    points = (
        Point(itl / right, level.output_tokens_per_s / top, brief(level.load), itl / right, itl / right)
        for level, itl in known
    )
    return Plot(tuple(points), None, x_ticks, y_ticks)
