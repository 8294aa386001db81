"""From typed flags to what a process is started with. Unset flags are left out: TGI reads an empty value as a value.

The environment is preferred: the image's entry point ends in an unquoted ``$@``, which splits what has a space.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zephyr_deploy.engines.tgi.flags import ARGV_ONLY, ENV_ONLY, env_name, flag_name, is_switch
from zephyr_deploy.errors import ConfigError
from zephyr_deploy.spec.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zephyr_deploy.engines.tgi.flags import TgiFlags


def to_env(flags: TgiFlags) -> dict[str, str]:
    """The environment that says these flags; it may hold a secret.

    Raises:
        ConfigError: a flag cannot be said by environment.
    """
    env = {}
    for field, value in _said(flags):
        if field in ARGV_ONLY:
            raise ConfigError(f"{flag_name(field)} has no environment variable", hint="Put it into engine.args.")
        if field == "cors_allow_origin" and len(value) > 1:
            raise ConfigError("CORS_ALLOW_ORIGIN takes one origin", hint="Put the others into engine.args.")
        env[env_name(field)] = _text(value)
    return env


def to_argv(flags: TgiFlags) -> list[str]:
    """The arguments that say these flags.

    Raises:
        ConfigError: a secret would become visible to every user of the machine.
    """
    argv: list[str] = []
    for field, value in _said(flags):
        if field in ENV_ONLY:
            raise ConfigError(f"{flag_name(field)} is a secret and must not be an argument", hint="Render it to env.")
        if is_switch(field):
            argv += [flag_name(field)] if value else []
        elif field == "cors_allow_origin":
            argv += [part for origin in value for part in (flag_name(field), origin)]
        else:
            argv += [flag_name(field), _text(value)]
    return argv


def _said(flags: TgiFlags) -> Iterator[tuple[str, Any]]:
    return ((name, value) for name in type(flags).model_fields if (value := getattr(flags, name)) is not None)


def _text(value: object) -> str:
    match value:
        case Secret():
            return value.get_secret_value()
        case bool():
            return "true" if value else "false"
        case tuple():
            return ",".join(str(item) for item in value)
        case _:
            return str(value)
