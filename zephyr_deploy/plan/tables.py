"""The user's own file of cards and prices, which goes over the tables that are shipped."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from zephyr_deploy.errors import ConfigError
from zephyr_deploy.paths import config_dir

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

OWN_FILE = "gpus.toml"
OWN_TABLES = ("gpu", "price")
"""What may stand in the user's own file, each as rows ``[[gpu]]`` or ``[[price]]``."""
_HINT = "docs/guides/plan.md shows what may stand in it."

_M = TypeVar("_M", bound=BaseModel)


@dataclass(frozen=True)
class OwnRow:
    """A row of the user's own file."""

    file: Path
    table: str
    place: int
    """Counted from 1 among the rows of its table."""
    values: Mapping[str, Any]

    def text(self, field: str) -> str:
        """A field that must be there.

        Raises:
            ConfigError: it is not, or is no text.
        """
        value = self.values.get(field)
        if not isinstance(value, str) or not value:
            raise self.wrong(field, "is missing" if value is None else "is no text")
        return value

    def wrong(self, field: str, reason: str) -> ConfigError:
        """What is raised of a field."""
        key = self.values.get("key") or self.values.get("gpu")
        row = f"[[{self.table}]] {self.place}" + (f" ({key})" if isinstance(key, str) else "")
        return ConfigError(f"{self.file}, {row}: {field} {reason}", hint=_HINT)


def own_file() -> Path:
    """Where the user may say more of cards and prices."""
    return config_dir() / OWN_FILE


def own_rows(table: str) -> list[OwnRow]:
    """The rows of one table of the user's own file; none where there is no file.

    Raises:
        ConfigError: it cannot be read, or holds something else.
    """
    file = own_file()
    if not file.is_file():
        return []
    try:
        said = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{file} cannot be read: {error}", hint=_HINT) from error
    strange = sorted(said.keys() - set(OWN_TABLES))
    if strange:
        raise ConfigError(f"{file}: {strange[0]} is unknown; it holds rows [[gpu]] and [[price]]", hint=_HINT)
    rows = said.get(table, [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ConfigError(f"{file}: {table} is to be rows; begin each with [[{table}]]", hint=_HINT)
    return [OwnRow(file, table, place, row) for place, row in enumerate(rows, 1)]


def read_row(kind: type[_M], row: OwnRow, before: Mapping[str, object]) -> _M:
    """A row of the user's file over what is known without it.

    Raises:
        ConfigError: a field is unknown, missing, or not what it must be.
    """
    try:
        return kind.model_validate({**before, **row.values})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        reason = {"missing": "is missing", "extra_forbidden": "is unknown"}.get(first["type"], f"- {first['msg']}")
        raise row.wrong(field, reason) from error
