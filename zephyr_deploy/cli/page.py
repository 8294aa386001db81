"""A plan as a page: one HTML file with its drawing inside, for which nothing is fetched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.cli.planned import asked_line, room, summary, tables
from zephyr_deploy.cli.plot import plot
from zephyr_deploy.plan.memory.bar import bar
from zephyr_deploy.resources import resource

if TYPE_CHECKING:
    from pathlib import Path

    from zephyr_deploy.plan.choice.outcome import Outlook, PlanResult

SHOWN = 30
"""Other ways on a page."""


def page(result: PlanResult) -> str:
    """The whole page; every text in it is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(resource("templates", "plan")), autoescape=True, undefined=StrictUndefined
    )
    first, *more = summary(result)
    outlook = result.outlook
    after = result.what_if.outlook if result.what_if else None
    return environment.get_template("report.html.jinja").render(
        title=first,
        lines=[asked_line(result.workload, result.slo), *more],
        memory=_memory(outlook) if outlook else None,
        plots=plot(*filter(None, (outlook, after))),
        changes=" ".join(result.changes),
        tables=list(tables(result, limit=SHOWN, explain=True)),
        notes=[*result.notes, *(outlook.notes if outlook else ())],
    )


def write_page(result: PlanResult, file: Path) -> None:
    """Write the page.

    Raises:
        OSError: it cannot be written there.
    """
    file.write_text(page(result), encoding="utf-8")


def _memory(outlook: Outlook) -> dict[str, object]:
    drawn = bar(outlook.advice.memory)
    whole = sum(segment.size for segment in drawn.segments)
    return {
        "text": room(outlook),
        "parts": [
            {"kind": segment.part, "label": segment.label, "share": segment.size / whole} for segment in drawn.segments
        ],
    }
