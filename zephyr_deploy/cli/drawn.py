"""A plan on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.text import Text

from zephyr_deploy.cli.planned import room, summary, tables
from zephyr_deploy.cli.plot import on_a_terminal, plot
from zephyr_deploy.cli.tables import grid
from zephyr_deploy.cli.terminal import visible
from zephyr_deploy.plan.memory.bar import bar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult

    from zephyr_deploy.plan.choice.outcome import PlanResult
    from zephyr_deploy.plan.memory.bar import Part
    from zephyr_deploy.plan.memory.breakdown import Memory

GLYPHS: dict[Part, tuple[str, str]] = {
    "weights": ("█", "blue"),
    "activations": ("▓", "magenta"),
    "graphs": ("▒", "yellow"),
    "overhead": ("▒", "red"),
    "kv_cache": ("░", "green"),
    "reserve": ("·", "dim"),
}
"""By part: how it is drawn where more than ASCII can be shown, and its colour where there are any."""


def drawn(result: PlanResult, *, limit: int, explain: bool, with_plot: bool) -> RenderableType:
    """All of it."""
    return Group(*_parts(result, limit=limit, explain=explain, with_plot=with_plot))


class MemoryBar:
    """One GPU's memory, drawn to scale, with what each part is."""

    def __init__(self, memory: Memory) -> None:
        self._bar = bar(memory)

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        """As rich draws it."""
        line, legend = Text(), Text()
        for segment in self._bar.segments:
            glyph, style = GLYPHS[segment.part]
            glyph = segment.sign if options.ascii_only else glyph
            line.append(glyph * segment.width, style)
            legend.append(glyph, style)
            legend.append(f" {segment.label}  ")
        legend.rstrip()
        if self._bar.end is not None:
            line = Text.assemble(line[: self._bar.end], ("|", "bold red"), line[self._bar.end :])
            legend.append("  | the GPU ends")
        yield line
        yield legend


def _parts(result: PlanResult, *, limit: int, explain: bool, with_plot: bool) -> Iterator[RenderableType]:
    first, *more = summary(result)
    yield Text(visible(first), style="bold")
    yield from (Text(visible(line)) for line in more)
    outlook = result.outlook
    if outlook:
        yield _title(f"MEMORY OF {'THE' if outlook.advice.setup.shards == 1 else 'EACH'} GPU")
        yield MemoryBar(outlook.advice.memory)
        yield Text(room(outlook))
    if outlook and not explain:
        yield _title("SETTINGS")
        said = (f"{reason.flag} {reason.value}" for reason in outlook.advice.reasons if reason.value != "not said")
        yield Text(visible(" ".join(said)))
    for table in tables(result, limit=limit, explain=explain):
        yield _title(visible(table.title))
        yield grid(table.columns, table.rows)
    for plotted in plot(outlook)[:1] if outlook and with_plot else ():
        yield _title("THROUGHPUT AGAINST LATENCY")
        yield Text(on_a_terminal(plotted))


def _title(text: str) -> Text:
    return Text(f"\n{text}", style="bold")
