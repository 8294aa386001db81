"""Writes docs/cli.md from the commands themselves.

::

    python -m zephyr_deploy.cli.reference docs/cli.md
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from inspect import Parameter
from pathlib import Path
from typing import Any, get_args

import typer

from zephyr_deploy import errors
from zephyr_deploy.cli.main import COMMANDS, PROGRAM, load
from zephyr_deploy.cli.verb import COST, DEPLOY, FIX, LOOK, Group, Verb, global_options, parameters
from zephyr_deploy.errors import ZephyrError

INTRODUCTION = """\
# Command line

<!-- Written by `python -m zephyr_deploy.cli.reference docs/cli.md`; change the commands, not this file. -->

Data goes to stdout, everything else to stderr. The global options may stand before the command or after it.
With `--output json` a command prints one JSON document, `{"schema": "zephyr-deploy/1", "kind": …, "data": …}`, or one
a line if it streams; an error is `{"schema": …, "kind": "error", "error": {"code", "message", "hint", "exit_code",
"details"}}`. The JSON Schema is `zephyr_deploy/data/output.schema.json`.

`NO_COLOR` turns colours off, `FORCE_COLOR` on. `zephyr-deploy --install-completion` teaches your shell the commands.
"""

_ARGUMENT = type(typer.Argument())


def reference() -> str:
    """The whole page, in Markdown."""
    commands = [load(name) for name in COMMANDS]
    sections = [INTRODUCTION, _section("Global options", _options(parameters(global_options)))]
    for panel in (DEPLOY, LOOK, COST, FIX):
        mine = [command for command in commands if command.panel == panel]
        if mine:
            sections += [f"## {panel}\n", *(_command(command) for command in mine)]
    sections.append(_section("Exit codes", _exit_codes()))
    return "\n".join(sections)


def _section(title: str, lines: Iterator[str]) -> str:
    return "\n".join([f"## {title}", "", *lines, ""])


def _command(command: Verb | Group) -> str:
    if isinstance(command, Verb):
        return _verb(command, f"{PROGRAM} {command.name}")
    inner = [_verb(verb, f"{PROGRAM} {command.name} {_within(command, verb)}") for verb in command.verbs]
    return "\n".join([f"### `{PROGRAM} {command.name}`\n", f"{command.help}\n", *inner])


def _within(group: Group, verb: Verb) -> str:
    """A command of a group; in brackets where it is meant without being named."""
    return f"[{verb.name}]" if verb.name == group.default else verb.name


def _verb(verb: Verb, usage: str) -> str:
    lines = [f"### `{usage}`", "", verb.help, "", "```console"]
    for command, what in verb.examples:
        lines += [f"# {what}", f"$ {command}"]
    lines += ["```", ""]
    own = verb.parameters()
    if own:
        lines += [*_options(own), ""]
    return "\n".join(lines)


def _options(shown: list[Parameter]) -> Iterator[str]:
    yield "| Option | Default | |"
    yield "| --- | --- | --- |"
    for parameter in shown:
        info = _info(parameter)
        text = (info.help or "").replace("|", r"\|").partition("  [default")[0]
        yield f"| `{_spelling(parameter, info)}` | {_default(parameter)} | {text} |"


def _info(parameter: Parameter) -> Any:
    """What `typer.Option` or `typer.Argument` of an annotated parameter gave."""
    return get_args(parameter.annotation)[1]


def _spelling(parameter: Parameter, info: Any) -> str:
    if isinstance(info, _ARGUMENT):
        name = parameter.name.upper()
        return name if parameter.default is Parameter.empty else f"[{name}]"
    # in `Annotated`, Typer keeps the first spelling where the default would be
    written = [text for text in (info.default, *(info.param_decls or ())) if isinstance(text, str)]
    return ", ".join(written) or f"--{parameter.name.replace('_', '-')}"


def _default(parameter: Parameter) -> str:
    unset = any(parameter.default is nothing for nothing in (None, False, Parameter.empty))
    return "" if unset else f"`{parameter.default}`"


def _exit_codes() -> Iterator[str]:
    """From the error classes, so that page and program agree."""
    yield "| Code | Errors | |"
    yield "| --- | --- | --- |"
    yield "| 0 | | done |"
    classes = [getattr(errors, name) for name in errors.__all__]
    for code in sorted({kind.exit_code for kind in classes}):
        kinds = [kind for kind in classes if kind.exit_code == code]
        codes = ", ".join(f"`{name}`" for name in dict.fromkeys(kind.code for kind in kinds))
        yield f"| {code} | {codes} | {_meaning(kinds)} |"
    yield "| 130 | `interrupted` | Ctrl-C |"
    yield "| 141 | | the reader of stdout went away, as in `zephyr-deploy logs \\| head` |"


def _meaning(kinds: list[type[ZephyrError]]) -> str:
    """The words of the class that the others of this code stand under."""
    top = min(kinds, key=lambda kind: len(kind.__mro__))
    words = (top.__doc__ or "").partition("\n")[0].rstrip(".")
    return "a fault in zephyr-deploy itself" if top is ZephyrError else words


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(reference(), encoding="utf-8")
