"""``zephyr-deploy history``."""

from __future__ import annotations

from string import ascii_lowercase
from typing import TYPE_CHECKING

from zephyr_deploy.cli.benched import short
from zephyr_deploy.cli.options import NameArg
from zephyr_deploy.cli.session import Session
from zephyr_deploy.cli.verb import LOOK, verb

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zephyr_deploy.bench.report import BenchReport, LevelReport
    from zephyr_deploy.bench.stats import Spread

COLUMNS = ("", "WHEN (UTC)", "RELEASE", "LOAD", "OK", "TTFT ms", "ITL ms", "E2E ms", "TOKENS/S", "CLIENT", "SPEC")
SHOWN = 12
"""Characters of a release."""


@verb(
    panel=LOOK,
    examples=[
        ("zephyr-deploy history", "What every benchmark of the deployment found, the latest last"),
        ("zephyr-deploy history --output quiet", "The names that `compare` knows them by"),
    ],
)
def history(session: Session, name: NameArg = None) -> None:
    """List the benchmarks of a deployment that are kept on this machine, by release.

    Those with the same letter under SPEC asked the same and can be compared.
    """
    from zephyr_deploy.deploy.kept import kept_reports

    wanted = session.name(name)
    reports = [kept.report for kept in kept_reports(wanted)]
    session.out.result(
        "history",
        [{"place": place - len(reports), "report": report} for place, report in enumerate(reports)],
        table=lambda: session.out.grid(COLUMNS, list(_rows(reports))),
        quiet=(f"{wanted}@{place - len(reports)}" for place in range(len(reports))),
    )
    if not reports:
        session.out.note(f"No benchmark of {wanted} is kept here.")
        session.out.hint("zephyr-deploy bench")
        return
    session.out.note(f"Times are p50 / p99. Each can be named as {wanted}@-1 and so on, or {wanted}@RELEASE.")


def _rows(reports: list[BenchReport]) -> Iterator[tuple[str, ...]]:
    from zephyr_deploy.bench.compare import NO_MATTER

    letters: dict[str, str] = {}
    for place, report in enumerate(reports):
        asked = report.spec.model_dump_json(exclude=NO_MATTER)
        letter = letters.setdefault(asked, ascii_lowercase[len(letters) % 26] * (len(letters) // 26 + 1))
        for level in report.levels:
            first = level is report.levels[0]
            yield (
                f"@{place - len(reports)}" if first else "",
                f"{report.started_at:%Y-%m-%d %H:%M}" if first else "",
                (report.target.release or "")[:SHOWN] if first else "",
                *_row(level),
                letter,
            )


def _row(level: LevelReport) -> tuple[str, ...]:
    return (
        str(level.load),
        f"{level.succeeded} of {level.requests}",
        *(_times(spread) for spread in (level.ttft_ms, level.itl_ms, level.e2e_ms)),
        f"{level.output_tokens_per_s:.1f}",
        level.client.verdict.replace("_", " "),
    )


def _times(spread: Spread | None) -> str:
    return "-" if spread is None else f"{short(spread.p50)} / {short(spread.p99)}"
