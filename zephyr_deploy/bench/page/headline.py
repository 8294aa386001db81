"""What one wants to know first."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from zephyr_deploy.bench.page.numbers import short, time
from zephyr_deploy.bench.page.words import VERDICTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zephyr_deploy.bench.report import BenchReport, LevelReport, Verdict

WORST: tuple[Verdict, ...] = ("client_bottleneck", "noisy", "ok")
TIMES = (("ttft_ms", "TTFT"), ("itl_ms", "ITL"), ("e2e_ms", "E2E"))


class Tile(NamedTuple):
    """A figure in large letters."""

    name: str
    value: str
    note: str
    mood: str = ""
    """bad: it should worry."""


def headline(report: BenchReport) -> tuple[Tile, ...]:
    """Throughput, times at the least and the greatest load, failures, price, and whether to believe it."""
    return tuple(_tiles(report))


def _tiles(report: BenchReport) -> Iterator[Tile]:
    best = max(report.levels, key=lambda level: level.output_tokens_per_s)
    yield Tile(
        "Output tokens a second",
        short(best.output_tokens_per_s),
        f"{short(best.requests_per_s)} requests a second, with {best.load}",
    )
    if report.saturation is not None:
        found = report.saturation
        word = "Saturated" if found.found else "Not saturated"
        yield Tile(word, str(found.load), f"{short(found.output_tokens_per_s)} tokens a second. {found.why}")
    yield from _goodput(report)
    for field, title in TIMES:
        yield from _time(report, field, title)
    failed = sum(level.requests - level.succeeded for level in report.levels)
    yield Tile(
        "Failed",
        f"{failed:,}",
        f"of {sum(level.requests for level in report.levels):,} requests",
        "bad" if failed else "",
    )
    yield from _price(report)
    verdict = next(one for one in WORST if any(level.client.verdict == one for level in report.levels))
    word, meaning = VERDICTS[verdict]
    yield Tile("The instrument", word, meaning, "" if verdict == "ok" else "bad")


def _time(report: BenchReport, field: str, title: str) -> Iterator[Tile]:
    known: list[tuple[LevelReport, float, float]] = [
        (level, spread.p50, spread.p99) for level in report.levels if (spread := getattr(level, field)) is not None
    ]
    if not known:
        return
    (first, low, low_tail), (last, high, high_tail) = known[0], known[-1]
    if first is last:
        yield Tile(f"{title} p50", time(low), f"p99 {time(low_tail)}")
        return
    yield Tile(
        f"{title} p50",
        _from_to(low, high),
        f"p99 {_from_to(low_tail, high_tail)}; from {first.load} to {last.load}",
    )


def _from_to(low: float, high: float) -> str:
    """With the unit once, where it is the same."""
    first, last = time(low), time(high)
    number, _, unit = first.partition(" ")
    return f"{number} → {last}" if last.endswith(f" {unit}") else f"{first} → {last}"


def _goodput(report: BenchReport) -> Iterator[Tile]:
    known = [(level, level.goodput) for level in report.levels if level.goodput is not None]
    if known:
        level, best = max(known, key=lambda one: one[1].per_s)
        note = f"requests a second within {best.slo}, {best.share:.1%} of them, with {level.load}"
        yield Tile("Goodput", short(best.per_s), note)


def _price(report: BenchReport) -> Iterator[Tile]:
    priced = [level for level in report.levels if level.usd_per_million_output_tokens is not None]
    if priced:
        best = min(priced, key=lambda level: level.usd_per_million_output_tokens or 0.0)
        yield Tile(
            "A million output tokens", f"${best.usd_per_million_output_tokens:.3g}", f"at best, with {best.load}"
        )
