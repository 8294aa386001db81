"""Reads the settings among the environment variables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.errors import ConfigError
from zephyr_deploy.spec.keys import KEYS, nearest, nearest_key
from zephyr_deploy.spec.names import FOREIGN, NOT_SETTINGS, PREFIX, VARIABLES, flag_of
from zephyr_deploy.spec.origin import Given, Layer, Origin, Problem
from zephyr_deploy.spec.values import MASKED, from_text, show

if TYPE_CHECKING:
    from collections.abc import Mapping


def read_environment(environ: Mapping[str, str]) -> Layer:
    """The settings in ``ZEPHYR_*`` variables. Unknown and empty ones are problems, and so is a key given twice."""
    layer = Layer()
    for variable in sorted(name for name in environ if name.startswith(PREFIX)):
        if variable in VARIABLES:
            _take(layer, VARIABLES[variable], environ[variable], Origin("env", variable))
        elif variable not in NOT_SETTINGS | FOREIGN:
            meant = nearest(variable, [*VARIABLES, *NOT_SETTINGS])
            reason = f"there is no such variable; did you mean {meant}?" if meant else "there is no such variable"
            layer.problems.append(Problem((variable,), f"{reason} Unset it if it is not meant for zephyr-deploy"))
    return layer


def read_flags(flags: Mapping[str, object]) -> Layer:
    """The settings in flags, by dotted key; None means that a flag was not given."""
    layer = Layer()
    for path, value in flags.items():
        if path not in KEYS:
            meant = nearest_key(path)
            reason = f"there is no such setting; did you mean {meant}?" if meant else "there is no such setting"
            layer.problems.append(Problem((path,), reason))
        elif isinstance(value, str):
            _take(layer, path, value, Origin("flag", flag_of(path)))
        elif value is not None:
            layer.given[path] = Given(value, Origin("flag", flag_of(path)))
    return layer


def named(environ: Mapping[str, str], variable: str) -> str | None:
    """The value of ``ZEPHYR_CONFIG`` or ``ZEPHYR_PROFILE``; None where it is not set.

    Raises:
        ConfigError: it is set but empty, which is a slip more often than a wish.
    """
    value = environ.get(variable)
    if value is not None and not value.strip():
        raise ConfigError(f"{variable} is set but empty.", hint=f"unset {variable}, or give it a value.")
    return value


def _take(layer: Layer, path: str, text: str, origin: Origin) -> None:
    before = layer.given.get(path)
    if before is not None:
        layer.problems.append(Problem((str(before.origin), str(origin)), f"both set {path}; keep one of them"))
        return
    try:
        layer.given[path] = Given(from_text(KEYS[path], text), origin)
    except ValueError as error:
        # What could not be read could not be searched for secrets either.
        shown = f"{path} ({origin})" if path in MASKED else f"{path} = {show(path, text)} ({origin})"
        layer.problems.append(Problem((shown,), str(error)))
