"""``zephyr-deploy ci``: what a job of a CI shows of what came of the other commands."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zephyr_deploy.cli.session import Session
from zephyr_deploy.cli.verb import LOOK, verb
from zephyr_deploy.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from zephyr_deploy.cli.reported import Report
    from zephyr_deploy.deploy.results import NodeDiff
    from zephyr_deploy.plan.choice.outcome import PlanResult

HINT = "Give what a command has printed with --output json."
SAME = "Nothing that was planned changes."

ResultArg = Annotated[Path, typer.Argument(help="What a command printed with --output json; - is stdin.")]
DiffOpt = Annotated[Path | None, typer.Option(help="What `render --diff --output json` printed: show that, too.")]


@verb(
    panel=LOOK,
    examples=[
        ("zephyr-deploy ci report result.json", "Step summary, outputs and annotations of what a command printed"),
        ("zephyr-deploy ci report - < result.json > summary.md", "In another CI: the summary alone"),
    ],
)
def report(
    session: Session,
    file: ResultArg,
    *,
    diff: DiffOpt = None,
    outcome: Annotated[
        str, typer.Option(help="How the command's step ended, as steps.ID.outcome has it: success or failure.")
    ] = "",
) -> None:
    """Show in a job of GitHub Actions what came of a command: summary, outputs for later steps, annotations.

    Without GitHub's files (GITHUB_STEP_SUMMARY, GITHUB_OUTPUT) the summary, which is Markdown, goes to stdout. A
    command that failed has ended the job by itself: this ends with 0.
    """
    from zephyr_deploy.cli.markdown import rendered
    from zephyr_deploy.cli.reported import report_of

    found = report_of(_text(file), outcome)
    summary = rendered("summary.md.jinja", report=found, changes=_changes(diff))
    _annotate(found)
    _append("GITHUB_OUTPUT", _outputs(found.outputs))
    written = _append("GITHUB_STEP_SUMMARY", f"{summary}\n")
    shown = _title(found) if written else summary.removesuffix("\n")
    session.out.result("ci.report", {"title": found.title, **found.outputs}, table=lambda: shown, quiet=shown)


@verb(
    panel=LOOK,
    examples=[
        ("zephyr-deploy ci comment plan.json --before main.json", "What a pull request changes, costs, and how fast"),
        ("zephyr-deploy ci comment - < plan.json", "The plan alone, as Markdown"),
    ],
)
def comment(
    session: Session,
    plan: Annotated[Path, typer.Argument(help="What `plan --output json` printed; - is stdin.")],
    *,
    before: Annotated[Path | None, typer.Option(help="The same, of what is deployed now: show what changes.")] = None,
    diff: DiffOpt = None,
    title: Annotated[str, typer.Option(help="First line of it.")] = "What zephyr-deploy plans",
) -> None:
    """Print a plan in Markdown, for a comment on a pull request: what changes, what it costs and how fast it is."""
    from zephyr_deploy.cli.markdown import rendered
    from zephyr_deploy.cli.planned import summary, tables
    from zephyr_deploy.cli.whatif import side_by_side

    after = _plan(plan)
    rows = [row for row in side_by_side(_plan(before), after) if row[1] != row[2]] if before else []
    lines = [*summary(after), *([SAME] if before and not rows else [])]
    made = rendered(
        "comment.md.jinja",
        title=title,
        lines=lines,
        columns=("", "BEFORE", "AFTER"),
        sides=rows,
        changes=_changes(diff),
        tables=[table for table in tables(after, limit=0, explain=True) if table.title != "INSTEAD"],
    ).removesuffix("\n")
    session.out.result("ci.comment", {"markdown": made, "changed": bool(rows)}, table=lambda: made, quiet=made)


def _title(found: Report) -> str:
    return f"{found.title}. {found.message}".strip()


def _annotate(found: Report) -> None:
    """Beside the run and the commit; on stderr, where data is not disturbed and GitHub reads as well."""
    if found.level is None or os.environ.get("GITHUB_ACTIONS") != "true":
        return
    from zephyr_deploy.cli.github import annotation, meant

    text = "\n".join(part for part in (found.message, *found.failures, found.hint) if part)
    meant(sys.stderr, annotation(found.level, found.title, text))


def _outputs(values: Mapping[str, str]) -> str:
    from zephyr_deploy.cli.github import output

    return "".join(output(name, value) for name, value in values.items())


def _append(name: str, text: str) -> bool:
    """To the file that GitHub has named in the environment; whether there is one."""
    path = os.environ.get(name)
    if not path:
        return False
    with Path(path).open("a", encoding="utf-8") as file:
        file.write(text)
    return True


def _text(file: Path) -> str:
    try:
        data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}", hint=HINT) from error
    return data.decode(errors="replace")


def _read(file: Path) -> Mapping[str, Any]:
    """The document in a file; empty where there is none."""
    try:
        found = json.loads(_text(file))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _plan(file: Path) -> PlanResult:
    from zephyr_deploy.plan.choice.outcome import PlanResult

    found = _read(file)
    if found.get("kind") == "error":
        error = found["error"]
        raise ConfigError(f"{file} is no plan, for there was an error: {error['message']}", hint=error["hint"])
    if found.get("kind") != "plan":
        raise UsageError(f"{file} is no plan.", hint="Give what `zephyr-deploy plan --output json` has printed.")
    return PlanResult.model_validate(found["data"])


def _changes(diff: Path | None) -> Sequence[NodeDiff]:
    """Of each machine on which something differs; that one could not be asked is told by the command that could not."""
    found = _read(diff) if diff else {}
    if found.get("kind") != "diff":
        return ()
    from zephyr_deploy.deploy.results import DiffResult

    return [node for node in DiffResult.model_validate(found["data"]).nodes if not node.same]
