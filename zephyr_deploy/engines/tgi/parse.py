"""Reads the flags hidden in ``engine.env`` and ``engine.args``, as the launcher's own parser (clap 4.5) would."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import ValidationError

from zephyr_deploy.engines.base import Problem
from zephyr_deploy.engines.tgi.flags import FIELD_OF_ENV, FIELD_OF_FLAG, TgiFlags, env_name, is_switch
from zephyr_deploy.engines.tgi.mapping import OWNED, flags_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zephyr_deploy.engines.base import ServeSettings

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SHELL = re.compile(r"[\s*?\[\]]")
"""What the entry point's unquoted ``$@`` would split or expand."""


@dataclass
class _Said:
    """Flags found so far, by field, as text; and what was wrong on the way."""

    values: dict[str, object] = field(default_factory=dict)
    where: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def take(self, name: str, value: object, where: str) -> None:
        owner = OWNED.get(name)
        if value == "":
            reason = "TGI reads an empty value as a value: it ends with exit code 2, or takes it as the setting"
            self.problems.append(Problem(where, reason, "Remove the line instead of leaving it empty."))
        elif owner is not None:
            fix = f"Say it once, as {owner} in zephyr.toml." if owner else "Remove it: zephyr-deploy sets it."
            self.problems.append(Problem(where, f"{env_name(name)} is set by zephyr-deploy already", fix))
        elif name == "cors_allow_origin" and name in self.values:
            self.values[name] = (*_as_tuple(self.values[name]), value)
        else:
            self.values[name], self.where[name] = value, where


def effective(settings: ServeSettings) -> tuple[TgiFlags, dict[str, str], list[Problem]]:
    """The flags TGI would end up with, the variables that are not flags, and what cannot be read."""
    said = _Said()
    knobs = _read_env(settings.extra_env, said)
    _read_args(settings.extra_args, said)
    base = flags_of(settings).model_dump()
    flags = _validated(base, said)
    return flags, knobs, said.problems


def _read_env(extra: Mapping[str, str], said: _Said) -> dict[str, str]:
    knobs: dict[str, str] = {}
    for name, value in extra.items():
        where = f"engine.env.{name}"
        if not _NAME.fullmatch(name) or "\n" in value or "\0" in value:
            reason = "is not a name or value that an environment file can carry"
            said.problems.append(Problem(where, reason, "Use letters, digits and _ in names, one line in values."))
        elif name in FIELD_OF_ENV:
            said.take(FIELD_OF_ENV[name], value, where)
        else:
            knobs[name] = value
    return knobs


def _read_args(args: tuple[str, ...], said: _Said) -> None:
    rest = list(args)
    while rest:
        arg = rest.pop(0)
        if _SHELL.search(arg):
            said.problems.append(_split_problem())
            continue
        flag, equals, value = arg.partition("=")
        name = FIELD_OF_FLAG.get(flag)
        if name is None:
            said.problems.append(_unknown_flag(flag))
            if flag.startswith("-") and not equals and rest and not rest[0].startswith("-"):
                rest.pop(0)  # its value, which would only be a second complaint
        elif is_switch(name) and not equals:
            said.take(name, value="true", where="engine.args")
        elif equals:
            said.take(name, value, "engine.args")
        elif rest and not rest[0].startswith("--"):
            _take_next(name, rest.pop(0), said)
        else:
            reason = f"{flag} needs a value: `error: a value is required for '{flag}`"
            said.problems.append(Problem("engine.args", reason, f"Write {flag}=VALUE."))


def _take_next(name: str, value: str, said: _Said) -> None:
    if _SHELL.search(value):
        said.problems.append(_split_problem())
    else:
        said.take(name, value, "engine.args")


def _split_problem() -> Problem:
    reason = "one has a space or a wildcard, and the image's entry point (`$@` without quotes) would take it apart"
    return Problem("engine.args", reason, "Say that flag in engine.env, by its upper-case name.")


def _unknown_flag(flag: str) -> Problem:
    reason = f"TGI has no flag {flag}: `error: unexpected argument '{flag}' found`"
    if flag.startswith("-p"):
        reason = "-p means both --port and --prometheus-port to TGI"
    near = difflib.get_close_matches(flag, FIELD_OF_FLAG, n=1)
    return Problem("engine.args", reason, f"Did you mean {near[0]}?" if near else "Remove it.")


def _validated(base: dict[str, object], said: _Said) -> TgiFlags:
    try:
        return TgiFlags.model_validate(base | said.values)
    except ValidationError as error:
        for item in error.errors(include_input=False, include_url=False):
            name = str(item["loc"][0])
            said.values.pop(name, None)
            said.problems.append(_bad_value(said.where[name], item["msg"]))
    return TgiFlags.model_validate(base | said.values)


def _bad_value(where: str, message: str) -> Problem:
    reason = f"{message.removeprefix('Value error, ')}: TGI would end with `error: invalid value` and exit code 2"
    return Problem(where, reason, "Correct the value or remove it.")


def _as_tuple(value: object) -> tuple[object, ...]:
    return value if isinstance(value, tuple) else (value,)
