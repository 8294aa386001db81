"""Tables for people. Text is never read as markup or as control characters: it may come from anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from zephyr_deploy.cli.terminal import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from zephyr_deploy.cli.progress import Phase


def grid(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """Columns with a heading and no lines."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(Text(column), overflow="fold")
    for row in rows:
        table.add_row(*(_text(cell) for cell in row))
    return table


def facts(rows: Iterable[tuple[str, str]]) -> Table:
    """Names and values, one pair a line."""
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(_text(name), _text(value))
    return table


def timing(finished: Sequence[Phase]) -> Table:
    """Each phase with its wall time, and their sum."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("PHASE", overflow="fold")
    table.add_column("SECONDS", justify="right")
    table.add_column("OUTCOME")
    for phase in finished:
        table.add_row(_text(phase.title), f"{phase.seconds:.1f}", phase.outcome)
    table.add_row(Text("total"), f"{sum(phase.seconds for phase in finished):.1f}", "", style="bold")
    return table


def _text(cell: str) -> Text:
    return Text(visible(cell))
