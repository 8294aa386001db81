"""``zephyr-deploy report``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from zephyr_deploy.cli.session import Session
from zephyr_deploy.cli.verb import LOOK, verb
from zephyr_deploy.cli.written import CsvOpt, Files, LevelsCsvOpt


@verb(
    panel=LOOK,
    examples=[
        ("zephyr-deploy report before.json", "Show again what bench --save has kept"),
        ("zephyr-deploy report before.json --html before.html", "As one page that can be sent to others"),
        ("zephyr-deploy report before.json --csv requests.csv", "A line a request, for a spreadsheet"),
        ("zephyr-deploy report - --levels-csv levels.csv", "From stdin, what `bench -o json` prints; a line a level"),
    ],
)
def report(
    session: Session,
    file: Annotated[Path, typer.Argument(help="What bench --save, --report or --output json wrote; - is stdin.")],
    *,
    html: Annotated[Path | None, typer.Option(help="Write it to this file, as a page with charts.")] = None,
    csv: CsvOpt = None,
    levels_csv: LevelsCsvOpt = None,
) -> None:
    """Show a saved report of bench, or write it as a page or a table; those of earlier versions are read, too."""
    from zephyr_deploy.bench.saved import read_report, report_in
    from zephyr_deploy.cli.benched import show

    files = Files(page=html, csv=csv, levels_csv=levels_csv)
    files.check()
    found = report_in(sys.stdin.buffer.read(), "What came on stdin") if str(file) == "-" else read_report(file)
    show(session, found)
    unsaved = files.write(found, session.out)
    if unsaved is not None:
        raise unsaved
