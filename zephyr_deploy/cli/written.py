"""Into which files a report of a benchmark goes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from zephyr_deploy.cli.saving import check_place, save

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from zephyr_deploy.bench.report import BenchReport
    from zephyr_deploy.cli.output import Output
    from zephyr_deploy.errors import ZephyrError

CsvOpt = Annotated[Path | None, typer.Option(help="Write a line a request to this file, as CSV.")]
LevelsCsvOpt = Annotated[Path | None, typer.Option(help="Write a line a level to this file, as CSV.")]


class Files(NamedTuple):
    """Where to write what; None: nowhere."""

    save: Path | None = None
    page: Path | None = None
    csv: Path | None = None
    levels_csv: Path | None = None

    def check(self) -> None:
        """Before the measurement, not after it.

        Raises:
            UsageError: one of them cannot be written.
        """
        for path in filter(None, self):
            check_place(path)

    def write(self, report: BenchReport, out: Output) -> ZephyrError | None:
        """Write all, and say where it is; the first error where some of it is not where it was wanted."""
        failed: list[ZephyrError] = []
        for path, what, text in self._texts(report):
            error = save(text(), path, what)
            if error is None:
                out.note(f"The {what} is in {path}.")
            else:
                out.warn(error.message)
                failed.append(error)
        return next(iter(failed), None)

    def _texts(self, report: BenchReport) -> Iterator[tuple[Path, str, Callable[[], str]]]:
        if self.save:
            yield self.save, "report", lambda: report.model_dump_json(indent=2) + "\n"
        if self.page:
            from zephyr_deploy.bench.page.page import page

            yield self.page, "page", lambda: page(report)
        if self.csv:
            from zephyr_deploy.bench.rows import requests_csv

            yield self.csv, "table of requests", lambda: requests_csv(report)
        if self.levels_csv:
            from zephyr_deploy.bench.rows import levels_csv

            yield self.levels_csv, "table of levels", lambda: levels_csv(report)
