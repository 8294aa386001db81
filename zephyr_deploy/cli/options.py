"""Arguments and options that several commands share, and how their text is read."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated, Literal

import typer

from zephyr_deploy.cli.completion import deployment_names
from zephyr_deploy.errors import UsageError
from zephyr_deploy.spec.durations import parse_duration

GLOBAL = "Global options"

Mode = Literal["table", "json", "quiet"]
MODES: tuple[Mode, ...] = ("table", "json", "quiet")

NameArg = Annotated[
    str | None,
    typer.Argument(help="Name of the deployment; unset: the one of zephyr.toml.", autocompletion=deployment_names),
]
LockWaitOpt = Annotated[str, typer.Option(help="How long to wait for another command on this deployment.")]
SkipHooksOpt = Annotated[bool, typer.Option("--skip-hooks", help="Run none of the hooks in .zephyr/hooks.")]

OutputOpt = Annotated[
    Mode | None,
    typer.Option(
        "--output", "-o", help="How data is printed; or ZEPHYR_OUTPUT.  [default: table]", rich_help_panel=GLOBAL
    ),
]
YesOpt = Annotated[bool, typer.Option("--yes", "-y", help="Answer every question with yes.", rich_help_panel=GLOBAL)]
ConfigOpt = Annotated[
    Path | None, typer.Option("--config", help="Read this file instead of zephyr.toml.", rich_help_panel=GLOBAL)
]
ProfileOpt = Annotated[
    str | None, typer.Option("--profile", help="Use this profile of the file.", rich_help_panel=GLOBAL)
]
DebugOpt = Annotated[
    bool, typer.Option("--debug", help="Show where an error comes from; or ZEPHYR_DEBUG=1.", rich_help_panel=GLOBAL)
]
RehearseOpt = Annotated[
    bool,
    typer.Option(
        "--rehearse", help="Use the emulated clouds of `make emulators`; or ZEPHYR_REHEARSE=1.", rich_help_panel=GLOBAL
    ),
]

_MILLISECONDS = re.compile(r"([0-9]+)ms")


def seconds(text: str) -> float:
    """Read a length of time as zephyr.toml has it, e.g. ``30s``, ``5m`` or ``1h30m``, or ``500ms``; in seconds.

    Raises:
        UsageError: it is none; a bare number is refused, because its unit would be a guess.
    """
    short = _MILLISECONDS.fullmatch(text.strip())
    if short:
        return int(short[1]) / 1000
    try:
        return parse_duration(text).total_seconds()
    except ValueError:
        raise UsageError(f"{text!r} is no length of time.", hint="Write e.g. 500ms, 30s, 5m or 1h30m.") from None


def moment(text: str) -> datetime:
    """Read a point in time: so long ago, e.g. ``10m``, or as ISO 8601 has it, without a zone by this machine's.

    Raises:
        UsageError: it is neither, or lies in the future.
    """
    now = datetime.now(timezone.utc)
    try:
        return now - parse_duration(text)
    except (ValueError, OverflowError):
        pass
    try:
        found = datetime.fromisoformat(text.strip().replace("Z", "+00:00")).astimezone()
    except (ValueError, OverflowError):
        hint = "Write how long ago, e.g. 10m or 1h30m, or when: 2026-11-24T10:00 (this machine's time) or ...T10:00Z."
        raise UsageError(f"{text!r} is no point in time.", hint=hint) from None
    if found > now:
        raise UsageError(f"{text} lies in the future.", hint=f"It is {now.astimezone():%Y-%m-%dT%H:%M} now.")
    return found
