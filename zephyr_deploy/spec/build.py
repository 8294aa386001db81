"""From raw values to a checked `Deployment`, with every mistake in plain words and with its origin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from pydantic import ValidationError

from zephyr_deploy.spec.allowed import allowed, kind_of
from zephyr_deploy.spec.deployment import Deployment
from zephyr_deploy.spec.keys import KEYS, nearest, value_of
from zephyr_deploy.spec.origin import Given, Problem
from zephyr_deploy.spec.values import shorten, show

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from pydantic_core import ErrorDetails

    from zephyr_deploy.spec.rules import Broken


def build(given: Mapping[str, Given]) -> tuple[Deployment, list[Problem]]:
    """Check the values; what nobody gave stays out of ``model_fields_set``.

    Returns:
        The deployment and no problems, or the plain default and every problem.
    """
    values, problems = dict(given), _flags_for_numbers(given)
    bad = set(problems)
    found = list(problems.values())
    # The rules between settings are looked at once every single value is right, so the wrong ones are put aside
    while errors := _errors({path: item for path, item in values.items() if path not in bad}):
        before = len(bad)
        for detail in errors:
            found += _problems(detail, values, bad)
            bad.update(_concerned(detail))
        if len(bad) == before:
            break
    return (Deployment() if found else Deployment.model_validate(_nested(values))), found


def _flags_for_numbers(given: Mapping[str, Given]) -> dict[str, Problem]:
    """Pydantic takes ``true`` for the number 1; we do not."""
    return {
        path: _not_allowed(path, item, f"write {allowed(KEYS[path])}")
        for path, item in given.items()
        if isinstance(item.value, bool) and kind_of(KEYS[path]).base is not bool
    }


def _errors(values: Mapping[str, Given]) -> list[ErrorDetails]:
    try:
        Deployment.model_validate(_nested(values))
    except ValidationError as error:
        return error.errors(include_url=False)
    return []


def _nested(values: Mapping[str, Given]) -> dict[str, Any]:
    tables: dict[str, Any] = {}
    for path, item in values.items():
        section, _, name = path.rpartition(".")
        (tables.setdefault(section, {}) if section else tables)[name] = item.value
    return tables


def _concerned(detail: ErrorDetails) -> list[str]:
    """The keys that an error of pydantic is about."""
    if detail["type"] == "rules":
        return [key for broken in detail["ctx"]["broken"] for key in broken.keys]
    path = ".".join(str(part) for part in detail["loc"])
    return [key for key in KEYS if path == key or path.startswith(f"{key}.")]


def _problems(detail: ErrorDetails, values: Mapping[str, Given], bad: Container[str]) -> list[Problem]:
    """What to tell; nothing of a setting that is known to be wrong, nor of a rule that fails for want of it."""
    if detail["type"] == "rules":
        rules: list[Broken] = detail["ctx"]["broken"]
        return [_contradiction(rule, values) for rule in rules if not any(key in bad for key in rule.keys)]
    paths = [path for path in _concerned(detail) if path not in bad]
    return [_not_allowed(path, values[path], _reason(path, detail)) for path in paths]


def _contradiction(broken: Broken, values: Mapping[str, Given]) -> Problem:
    settings = [
        _setting(key, values[key]) if key in values else f"{key} = {show(key, value_of(Deployment(), key))} (default)"
        for key in broken.keys
    ]
    return Problem(tuple(settings), broken.reason)


def _not_allowed(path: str, item: Given, reason: str) -> Problem:
    return Problem((_setting(path, item),), reason)


def _setting(path: str, item: Given) -> str:
    return f"{path} = {shorten(show(path, item.value))} ({item.origin})"


def _reason(path: str, detail: ErrorDetails) -> str:
    if detail["type"] == "value_error":
        return str(detail["ctx"]["error"])
    key = KEYS[path]
    meant = nearest(str(detail["input"]), [str(option) for option in get_args(kind_of(key).annotation)])
    return f"write {allowed(key)}" + (f"; did you mean {meant}?" if meant else "")
