"""``zephyr-deploy compare``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from zephyr_deploy.cli.benched import short
from zephyr_deploy.cli.session import Session
from zephyr_deploy.cli.verb import LOOK, verb
from zephyr_deploy.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from zephyr_deploy.bench.compare import Comparison, Difference, LevelComparison

COLUMNS = ("LOAD", "FIGURE", "A", "B", "CHANGE", "BETWEEN (95 %)", "B IS")
SHOWN = (
    "ttft_p50",
    "ttft_p99",
    "ttft_sched_p99",
    "itl_p50",
    "itl_p99",
    "tpot_p50",
    "e2e_p50",
    "e2e_p99",
    "output_tokens_per_s",
    "requests_per_s",
    "goodput",
    "errors",
)
"""Of the figures, those that people see; JSON has all."""
SHARES = {"goodput", "errors"}
WORDS = {
    "better": "faster",
    "worse": "slower",
    "no_difference": "not seen to differ",
    "too_few": "too few requests",
    "points_only": "no intervals",
}
WORDS_OF_SHARES = WORDS | {"better": "better", "worse": "worse"}
REPORT = "A file that bench --save wrote; or NAME, NAME@-2 or NAME@RELEASE of `history`."


@verb(
    panel=LOOK,
    examples=[
        ("zephyr-deploy compare before.json after.json", "Which figures differ, by how much, and how sure that is"),
        ("zephyr-deploy compare demo@-2 demo@-1", "The last two benchmarks of a deployment"),
        ("zephyr-deploy compare main.json new.json --fail-if 'ttft_p99>+5%'", "Exit with 8 if it surely got worse"),
    ],
)
def compare(
    session: Session,
    a: Annotated[str, typer.Argument(help=REPORT)],
    b: Annotated[str, typer.Argument(help="The other one, which is held against the first.")],
    *,
    fail_if: Annotated[
        list[str] | None,
        typer.Option(help="Gate on the change, e.g. 'ttft_p99>+5%', or on B, e.g. 'errors>1%'; may be repeated."),
    ] = None,
) -> None:
    """Compare two benchmarks, load by load; the exit code is 8 if a gate fails.

    A figure is faster or slower only where the 95 % interval of the difference leaves out zero. A gate on a change
    fails only where the whole interval is beyond it.
    """
    from zephyr_deploy.bench import change, gate
    from zephyr_deploy.bench.compare import compare as run
    from zephyr_deploy.deploy.kept import report_named

    changes = [change.parse(text) for text in fail_if or () if change.is_change(text)]
    limits = [gate.parse(text) for text in fail_if or () if not change.is_change(text)]
    before, after = report_named(a), report_named(b)
    found = run(before, after, (a, b))
    if not found.levels:
        raise UsageError(
            f"{a} and {b} have no load in common: {', '.join(found.only_a)}; and {', '.join(found.only_b)}.",
            hint="Measure both with the same --concurrency or --rate.",
        )
    _show(session, found)
    change.judge(found, changes, also=gate.failures_of(after, limits))


def table(session: Session, found: Comparison) -> RenderableType:
    """The figures of both, side by side."""
    return session.out.grid(COLUMNS, [row for level in found.levels for row in rows(level)])


def _show(session: Session, found: Comparison) -> None:
    out = session.out
    out.result(
        "compare",
        found,
        table=lambda: table(session, found),
        quiet=(summary(level) for level in found.levels),
    )
    out.note(f"A is {found.a.name} of {found.a.started_at}, B is {found.b.name} of {found.b.started_at}.")
    for level in found.levels:
        out.note(summary(level))
    for words in found.changed:
        out.note(words)
    for words in found.doubts:
        out.warn(words)
    for load in (*found.only_a, *found.only_b):
        out.note(f"{load} is in one of them only.")


def summary(level: LevelComparison) -> str:
    """The level in one sentence."""
    shown = [one for name in SHOWN if (one := level.of(name)) is not None]
    worse, better = ([one for one in shown if one.outcome == outcome] for outcome in ("worse", "better"))
    parts = [
        f"{word} in {', '.join(f'{one.figure} ({_change(one)})' for one in ones)}"
        for word, ones in (("worse", worse), ("better", better))
        if ones
    ]
    if parts:
        return f"With {level.load} B is {', and '.join(parts)}."
    if any(one.outcome == "no_difference" for one in shown):
        return f"With {level.load} the data shows no difference."
    if all(one.outcome == "points_only" for one in shown):
        return f"With {level.load} nothing can be said of chance: a report has no intervals."
    return f"With {level.load} there are too few requests to tell."


def rows(level: LevelComparison) -> Iterator[tuple[str, ...]]:
    """The lines of the table that are about one level."""
    shown = [one for name in SHOWN if (one := level.of(name)) is not None and (one.a or one.b)]
    for place, one in enumerate(shown):
        share = one.figure in SHARES
        yield (
            "" if place else str(level.load),
            one.figure,
            f"{one.a:.1%}" if share else short(one.a),
            f"{one.b:.1%}" if share else short(one.b),
            _change(one),
            _between(one),
            (WORDS_OF_SHARES if share else WORDS)[one.outcome],
        )


def _change(one: Difference) -> str:
    if one.figure in SHARES or one.change is None:
        return f"{100 * one.difference:+.1f} points" if one.figure in SHARES else f"{one.difference:+.3g}"
    return f"{one.change:+.1%}"


def _between(one: Difference) -> str:
    if one.figure in SHARES:
        return "-" if one.interval is None else f"{100 * one.interval[0]:+.1f} to {100 * one.interval[1]:+.1f} points"
    if one.change_interval is None:
        return "-" if one.interval is None else f"{one.interval[0]:+.3g} to {one.interval[1]:+.3g}"
    return f"{one.change_interval[0]:+.1%} to {one.change_interval[1]:+.1%}"
