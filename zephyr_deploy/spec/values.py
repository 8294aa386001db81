"""Values in text: how environment variables and flags are read, and how any value is shown."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from zephyr_deploy.spec.allowed import kind_of, of_numbers
from zephyr_deploy.spec.durations import format_duration
from zephyr_deploy.spec.secret import REDACTED
from zephyr_deploy.spec.sources import shown
from zephyr_deploy.spec.types import NEVER, arguments_without_secrets, without_secrets

if TYPE_CHECKING:
    from zephyr_deploy.spec.keys import Key

SOURCES = frozenset(
    {
        "access.api_key_from",
        "machine.identity_from",
        "model.token_from",
        "notify.secret_from",
        "notify.slack_from",
        "notify.webhook_from",
    }
)
"""Settings that say where a secret is; somebody may write the secret itself."""
MASKED = frozenset({"engine.env", "engine.args", *SOURCES})
"""Settings that may hold secrets; see `masked`."""
LIMITS = frozenset({"cost.ttl", "cost.idle"})
"""Settings of which None is a value, and not the want of one."""
_LINE = 100
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def from_text(key: Key, text: str) -> object:
    """Read the text of a variable or flag; lists and tables are JSON, or words as a shell splits them.

    Raises:
        ValueError: it is empty, or not readable as the list or table that the key wants.
    """
    if not text.strip():
        raise ValueError("it is set but empty; unset it or give it a value")
    kind = kind_of(key)
    if kind.base not in {tuple, dict}:
        return text
    if text.lstrip().startswith(("[", "{")):
        value: object = json.loads(text)
        return value
    numbers = of_numbers(kind)
    words = shlex.split(text.replace(",", " ") if numbers else text)
    return words if kind.base is tuple else dict(_pair(word) for word in words)


def masked(path: str, value: object) -> object:
    """The value for people: without what looks secret in it, where it is one of `MASKED`."""
    if value is None and path in LIMITS:
        return NEVER
    if path == "engine.env" and isinstance(value, Mapping):
        return without_secrets({str(name): item for name, item in value.items()})
    if path == "engine.args" and isinstance(value, Sequence) and not isinstance(value, str):
        return arguments_without_secrets([str(word) for word in value])
    if path == "access.api_key" and isinstance(value, str):
        return REDACTED  # It is a switch, and somebody took it for the place of the key.
    if path in SOURCES and value is not None:
        return shown(value)
    return value


def show(path: str, value: object) -> str:
    """A value as zephyr.toml would have it, secrets masked."""
    return toml(masked(path, value))


def shorten(text: str) -> str:
    """At most a line of it."""
    return text if len(text) <= _LINE else f"{text[:_LINE]}…"


def toml(value: object) -> str:
    """One value in TOML; ``unset`` for None, which TOML cannot say."""
    if value is None:
        return "unset"
    if isinstance(value, timedelta):
        return json.dumps(format_duration(value))
    if isinstance(value, bool | int | float | Decimal):
        return str(value).lower()
    if isinstance(value, Mapping):
        inside = ", ".join(f"{_toml_name(str(name))} = {toml(item)}" for name, item in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(toml(item) for item in value)}]"
    return json.dumps(str(value), ensure_ascii=False)


def _pair(word: str) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    if not equals or not name:
        raise ValueError("write NAME=value pairs, separated by blanks, or a JSON object")
    return name, value


def _toml_name(name: str) -> str:
    return name if _BARE.fullmatch(name) else json.dumps(name, ensure_ascii=False)
