"""The figures as Markdown, and where they go in the documentation."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING

from figures import Scenario, medians

if TYPE_CHECKING:
    from collections.abc import Sequence

    from figures import Figures, Held

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "explanation" / "measurement.md"
BEGIN, END = "<!-- figures: by benchmarks/instrument/run.py --write -->", "<!-- end of figures -->"
CLOSED = (
    "client", "n", "TTFT p50", "TTFT p99", "gap p50", "gap p99", "a request's TTFT", "a gap", "CPU s/1k tokens",
    "peak MiB", "start s", "load s", "server late", "others", "of itself",
)  # fmt: skip
OPEN = (
    "client",
    "n",
    "TTFT p50",
    "TTFT p99",
    "a request's TTFT",
    "behind p50",
    "behind p99",
    "rate",
    "others",
    "of itself",
)


def _signed(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:+.3f}" if abs(value) < 1 else f"{value:+.1f}"


def _plain(value: float | None, digits: int = 3) -> str:
    if value is None:
        return "-"
    return f"{value:.{digits}f}" if value < 1 else f"{value:.1f}"


def _with_worst(runs: Sequence[Figures], name: str) -> str:
    """The median, and the run that was furthest off."""
    known = [value for run in runs if (value := getattr(run, name)) is not None]
    middle = _signed(getattr(medians(runs), name))
    return f"{middle} ({_signed(max(known, key=abs))})" if len(known) > 1 else middle


def _closed(name: str, runs: Sequence[Figures]) -> list[str]:
    found = medians(runs)
    return [
        name, str(len(runs)), _signed(found.ttft_p50), _with_worst(runs, "ttft_p99"), _signed(found.gap_p50),
        _with_worst(runs, "gap_p99"), _plain(found.request_p99), _plain(found.each_gap_p99), _plain(found.cpu_s_per_1k),
        f"{found.peak_mib:.0f}", f"{found.start_s:.2f}", f"{found.load_s:.2f}",
        f"{found.server_late_p50:.3f} / {found.server_late_p99:.3f}", f"{found.others:.0%}",
        found.verdict or "-",
    ]  # fmt: skip


def _open(name: str, runs: Sequence[Figures]) -> list[str]:
    found = medians(runs)
    return [
        name, str(len(runs)), _signed(found.ttft_p50), _with_worst(runs, "ttft_p99"), _plain(found.request_p99),
        _plain(found.late_p50), _plain(found.late_p99), f"{found.rate:.2f}", f"{found.others:.0%}",
        found.verdict or "-",
    ]  # fmt: skip


def _table(scenario: Scenario, rows: Sequence[Sequence[str]]) -> str:
    heads = OPEN if scenario.load.rate else CLOSED
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    return f"**{str(scenario)[0].upper()}{str(scenario)[1:]}**\n\n" + "\n".join(
        f"| {' | '.join(row)} |" for row in lines
    )


def _ceilings(held: Held) -> str:
    rows = [f"| {name} | {rate:.0f} |" for name, rate in held.items()]
    return "\n".join(["**Highest token rate with small errors**", "", "| client | tokens/s |", "| --- | ---: |", *rows])


def tables(found: dict[tuple[Scenario, str], list[Figures]], held: Held) -> str:
    """One table a scenario, with the clients that did it, and one of the highest rates."""
    system = f"{platform.machine()}, Linux {platform.release().split('-')[0]}"
    parts = [f"{os.cpu_count()} processors ({system}), Python {platform.python_version()}."]
    for scenario in dict.fromkeys(scenario for scenario, _ in found):
        row = _open if scenario.load.rate else _closed
        rows = [row(name, runs) for (of, name), runs in found.items() if of == scenario and runs]
        if rows:
            parts.append(_table(scenario, rows))
    if held:
        parts.append(_ceilings(held))
    return "\n\n".join(parts)


def rewritten(document: str, text: str) -> str:
    """The document with new tables between its marks."""
    before, after = document.partition(BEGIN)[0], document.partition(END)[2]
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{after}"
