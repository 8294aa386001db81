"""How a report of a benchmark is shown: a table, small plots, and what has no column in whole sentences."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from zephyr_deploy.bench.report import BenchReport, LevelReport
    from zephyr_deploy.bench.stats import Spread
    from zephyr_deploy.cli.session import Session
    from zephyr_deploy.plan.speed.prediction import Prediction

COLUMNS = ("LOAD", "OK", "TTFT ms", "ITL ms", "TPOT ms", "E2E ms", "TOKENS/S", "REQUESTS/S", "CLIENT")
PLANNED = "PLANNED"
WHO_IGNORES = "TGI cannot ignore the end, and the text-generation client cannot ask for it."
WHOLE = 99.95


def show(session: Session, report: BenchReport) -> None:
    """The figures; as JSON without the single gaps, which are nine tenths of a report and in the saved one."""
    out = session.out
    columns = (*COLUMNS, PLANNED) if _is_planned(report) else COLUMNS
    out.result(
        "bench",
        report.without_gaps() if out.mode == "json" else report,
        table=lambda: _table(session, report, columns),
        quiet=(f"{level.output_tokens_per_s:.1f}" for level in report.levels),
    )
    for words in _notes(report):
        out.note(words)
    for words in _warnings(report):
        out.warn(words)


def _table(session: Session, report: BenchReport, columns: Sequence[str]) -> RenderableType:
    from rich.console import Group

    from zephyr_deploy.cli.benchplots import BenchPlots

    rows = [row(level)[: len(columns)] for level in report.levels]
    return Group(session.out.grid(columns, rows), BenchPlots(report))


def _is_planned(report: BenchReport) -> bool:
    return any(level.predicted for level in report.levels)


def _notes(report: BenchReport) -> Iterator[str]:
    yield "Times are p50 / p90 / p99. Tokens and requests per second count complete answers only."
    if _is_planned(report):
        yield "PLANNED is TTFT and ITL in ms, and tokens per second."
    if report.measured_from == "node":
        yield "The requests were sent from the machine that serves: no network is in these figures."
    yield from _round_trip(report)
    yield from _server(report)
    yield from findings(report)
    yield from chain.from_iterable(map(told, report.levels))
    yield from report.prompts.remarks if report.prompts else ()
    for level in report.levels:
        yield from (f"With {level.load}: {remark}" for remark in level.remarks)


def _warnings(report: BenchReport) -> Iterator[str]:
    if report.partial:
        yield report.partial
    yield from not_as_counted(report)
    yield from ended_early(report)
    for level in report.levels:
        if level.partial:
            yield f"With {level.load}: {level.partial}"
        for kind, count in level.errors.items():
            yield f"With {level.load} {count} failed ({kind}): {level.error_examples[kind]}"
        if level.client.reason:
            yield f"With {level.load}: {level.client.reason}"


def _round_trip(report: BenchReport) -> Iterator[str]:
    """Apart from the times of the table, of which it is a part."""
    trips = [level.rtt_ms.p50 for level in report.levels if level.rtt_ms is not None]
    if trips:
        yield f"The network's round trip is {short(min(trips))} ms, once in every TTFT."


def _server(report: BenchReport) -> Iterator[str]:
    """What the server said of itself meanwhile, a line a level; what it did not, once."""
    seen = [(level.load, level.server) for level in report.levels if level.server is not None]
    if not seen:
        return
    from zephyr_deploy.bench.server.words import words_of

    for load, server in seen:
        said = words_of(server)
        if said:
            yield f"With {load}: {said}."
    yield from dict.fromkeys(note for _, server in seen for note in server.notes)


def findings(report: BenchReport) -> Iterator[str]:
    """What loads by the clock and sweeps tell beside the table."""
    for level in report.levels:
        if level.late_ms is not None and level.ttft_sched_ms is not None:
            late, sched = short(level.late_ms.p99), _spread(level.ttft_sched_ms)
            yield f"With {level.load}: sent {late} ms late (p99); TTFT from the planned time {sched} ms."
        if level.held_back:
            yield f"With {level.load}: {level.held_back} were held back, for as many were under way as are allowed."
    found = report.saturation
    if found is not None:
        most = f"{short(found.output_tokens_per_s)} tokens/s with {found.load}"
        yield f"{'Saturated' if found.found else 'Not saturated'}: {most}. {found.why}"


def told(level: LevelReport) -> Iterator[str]:
    """What of a level has no column: its goodput, and its rates without beginning and end."""
    if level.goodput is not None:
        good = level.goodput
        missed = ", ".join(f"{term} {many}" for term, many in good.misses.items() if many)
        why = f" (missed: {missed})" if missed else ""
        yield f"With {level.load} {good.share:.1%} met {good.slo}, {good.per_s:.2f} a second{why}."
    if level.steady is None:
        return
    if level.steady.reached:
        rates = f"{level.steady.output_tokens_per_s:.1f} tokens/s, {level.steady.requests_per_s:.2f} requests/s"
        yield f"With {level.load}, while it was steady ({level.steady.share:.0%} of the time): {rates}."
    elif level.succeeded:
        yield f"With {level.load} no steady state was reached. {level.steady.reason}"


def not_as_counted(report: BenchReport) -> Iterator[str]:
    """Of prompts that were counted before they were sent, and are of another length to the server."""
    spec, prompts = report.spec, report.prompts
    exact = prompts is not None and prompts.counted_by in {"server", "tokenizer"} and spec.turns == 1
    for level in report.levels if exact and isinstance(spec.prompt_tokens, int) else ():
        seen = {one.prompt_tokens for one in level.log if one.prompt_tokens is not None} - {spec.prompt_tokens}
        if seen and level.load.kind != "replay":
            yield f"With {level.load} prompts had up to {max(seen)} tokens, not {spec.prompt_tokens}, to the server."


def ended_early(report: BenchReport) -> Iterator[str]:
    """Of answers that were to go on to their last token, and did not."""
    for level in report.levels if report.spec.ignore_eos else ():
        early = sum(level.finished.values()) - level.finished.get("length", 0)
        if early:
            yield f"With {level.load} {early} of {level.succeeded} answers ended early: {WHO_IGNORES}"


def row(level: LevelReport) -> tuple[str, ...]:
    """One line of the table."""
    return (
        str(level.load),
        f"{level.succeeded} of {level.requests}",
        *(_spread(spread) for spread in (level.ttft_ms, level.itl_ms, level.tpot_ms, level.e2e_ms)),
        f"{level.output_tokens_per_s:.1f}",
        f"{level.requests_per_s:.2f}",
        level.client.verdict.replace("_", " "),
        _planned(level.predicted),
    )


def _planned(found: Prediction | None) -> str:
    if found is None:
        return "-"
    return " / ".join(short(one.value) for one in (found.ttft_ms, found.itl_ms, found.output_tokens_per_s))


def _spread(spread: Spread | None) -> str:
    return "-" if spread is None else " / ".join(short(value) for value in (spread.p50, spread.p90, spread.p99))


def short(value: float) -> str:
    """Three digits where there is a point to show, whole numbers above."""
    return f"{value:.0f}" if value >= WHOLE else f"{value:.3g}"
