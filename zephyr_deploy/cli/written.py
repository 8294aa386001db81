"""Into which files a report of a benchmark goes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from zephyr_deploy.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from zephyr_deploy.bench.report import BenchReport
    from zephyr_deploy.cli.output import Output

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
            UsageError: one of them cannot be a file.
        """
        for path in filter(None, self):
            if path.is_dir():
                raise UsageError(f"{path} is a folder.", hint=f"Name a file in it: {path / 'report'}")
            if not path.parent.is_dir():
                raise UsageError(f"There is no folder {path.parent}.", hint=f"mkdir -p {path.parent}")

    def write(self, report: BenchReport, out: Output) -> None:
        """Write all that can be written, and say where.

        Raises:
            UsageError: some of it cannot be.
        """
        failed: list[str] = []
        for path, what, text in self._texts(report):
            from zephyr_deploy.bench.saved import write_whole

            try:
                write_whole(path, text())
            except OSError as error:
                failed.append(f"The {what} cannot be written to {path}: {error.strerror}.")
            else:
                out.note(f"The {what} is in {path}.")
        if failed:
            raise UsageError(" ".join(failed), hint="Name a file on another disk.")

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
