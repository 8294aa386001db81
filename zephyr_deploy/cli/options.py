"""Arguments and options that several commands share, and how their text is read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

import typer

from zephyr_deploy.cli.completion import deployment_names
from zephyr_deploy.errors import UsageError

GLOBAL = "Global options"

Mode = Literal["table", "json", "quiet"]
MODES: tuple[Mode, ...] = ("table", "json", "quiet")

NameArg = Annotated[
    str | None,
    typer.Argument(help="Name of the deployment; unset: the one of zephyr.toml.", autocompletion=deployment_names),
]
LockWaitOpt = Annotated[str, typer.Option(help="How long to wait for another command on this deployment.")]

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

_UNITS = {"ms": 0.001, "": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|)")


def seconds(text: str) -> float:
    """Read a length of time, e.g. ``500ms``, ``30``, ``30s``, ``5m``, ``8h`` or ``1d``, in seconds.

    Raises:
        UsageError: it is none.
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{text!r} is no length of time.", hint="Write e.g. 500ms, 30s, 5m or 8h.")
    number, unit = match.groups()
    return float(number) * _UNITS[unit]
