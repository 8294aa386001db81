"""The launcher's arguments and environment, read as clap 4.5 reads them: what is invalid ends with exit code 2."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, NoReturn

from pydantic import SecretStr, ValidationError

from zephyr_deploy.engines.tgi.flags import FIELD_OF_ENV, FIELD_OF_FLAG, TgiFlags, env_name, flag_name, is_switch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DEFAULTS: dict[str, object] = {"model_id": "bigscience/bloom-560m"}
USAGE_ERROR = 2
_HELP = "\n\nFor more information, try '--help'."
_USAGE = "\n\nUsage: text-generation-launcher [OPTIONS]"


def read(argv: Sequence[str], environ: Mapping[str, str]) -> TgiFlags:
    """The flags that were said; ends the process with 2 and clap's text where TGI would."""
    said = {**DEFAULTS, **_from_env(environ), **_from_argv(list(argv))}
    try:
        return TgiFlags.model_validate(said)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        _invalid(str(first["loc"][0]), said[str(first["loc"][0])], first)


def debug(flags: TgiFlags) -> str:
    """The line ``Args {`` and what follows, as TGI prints it when it starts: with its key in clear."""
    lines = [f"    {name}: {_debug_value(getattr(flags, name))}," for name in type(flags).model_fields]
    return "\n".join(["Args {", *lines, "}"])


def _debug_value(value: object) -> str:
    if value is None:
        return "None"
    if isinstance(value, SecretStr):
        return f'Some(\n        "{value.get_secret_value()}",\n    )'
    return f'"{value}"' if isinstance(value, str) else str(value).lower()


def _from_env(environ: Mapping[str, str]) -> dict[str, object]:
    # A variable that is set but empty is a value, too.
    return {field: environ[name] for name, field in FIELD_OF_ENV.items() if name in environ}


def _from_argv(rest: list[str]) -> dict[str, object]:
    said: dict[str, object] = {}
    while rest:
        flag, equals, value = rest.pop(0).partition("=")
        field = FIELD_OF_FLAG.get(flag)
        if flag in {"--help", "-h", "--version", "-V"}:
            print("text-generation-launcher 3.3.6-dev0" if flag in {"--version", "-V"} else "Text Generation Launcher")
            sys.exit(0)
        if field is None:
            _end(f"error: unexpected argument '{flag}' found{_USAGE}{_HELP}")
        if is_switch(field):
            if equals:
                _end(f"error: unexpected value '{value}' for '{flag}' found; no more were expected{_USAGE}{_HELP}")
            said[field] = "true"
            continue
        if not equals:
            if not rest or rest[0].startswith("--"):
                _end(f"error: a value is required for '{flag} <{env_name(field)}>' but none was supplied{_HELP}")
            value = rest.pop(0)
        if field in said and field != "cors_allow_origin":
            _end(f"error: the argument '{flag} <{env_name(field)}>' cannot be used multiple times{_USAGE}{_HELP}")
        said[field] = (*said.get(field, ()), value) if field == "cors_allow_origin" else value  # type: ignore[misc]
    return said


def _invalid(field: str, value: object, error: Mapping[str, object]) -> NoReturn:
    flag = flag_name(field) if is_switch(field) else f"{flag_name(field)} <{env_name(field)}>"
    text = f"error: invalid value '{value}' for '{flag}'"
    annotation = str(TgiFlags.model_fields[field].annotation)
    if "bool" in annotation:
        _end(f"{text}\n  [possible values: true, false]{_HELP}")
    if "Literal" in annotation:
        values = ", ".join(re.findall(r"'([^']+)'", annotation))
        _end(f"{text}\n  [possible values: {values}]{_HELP}")
    if str(error["type"]) in {"less_than_equal", "greater_than_equal"}:
        _end(f"{text}: number too large to fit in target type{_HELP}")
    reason = "cannot parse integer from empty string" if value == "" else "invalid digit found in string"
    _end(f"{text}: {reason}{_HELP}")


def _end(text: str) -> NoReturn:
    print(text, file=sys.stderr, flush=True)
    sys.exit(USAGE_ERROR)
