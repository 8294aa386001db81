"""Writes what is said of the settings from the models themselves, so that it cannot go stale.

::

    python -m zephyr_deploy.spec.reference docs/configuration.md
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from zephyr_deploy.resources import resource
from zephyr_deploy.spec.allowed import allowed
from zephyr_deploy.spec.keys import KEYS, SECTIONS, Key
from zephyr_deploy.spec.names import NOT_SETTINGS, short_variable_of, variable_of
from zephyr_deploy.spec.values import toml


@dataclass(frozen=True)
class Entry:
    """One setting, in words."""

    path: str
    name: str
    meaning: str
    allowed: str
    default: str
    """In TOML, or ``unset``."""
    example: str
    """In TOML, and allowed."""
    variable: str
    """Its environment variable; the short one where there is one."""

    @classmethod
    def of(cls, key: Key) -> Entry:
        """Put one setting in words."""
        examples = key.info.examples or [key.default]
        return cls(
            path=key.path,
            name=key.name,
            meaning=key.info.description or "",
            allowed=allowed(key),
            default=toml(key.default),
            example=toml(examples[0]),
            variable=short_variable_of(key.path) or variable_of(key.path),
        )


@dataclass(frozen=True)
class Section:
    """One table of zephyr.toml; the first has no name and stands above all tables."""

    name: str
    meaning: str
    entries: tuple[Entry, ...]


def sections() -> list[Section]:
    """Every table with its settings, in the order of zephyr.toml."""
    meanings = {"": ""} | {name: (model.__doc__ or "").partition("\n")[0] for name, model in SECTIONS.items()}
    return [
        Section(name, meaning, tuple(Entry.of(key) for key in KEYS.values() if key.section == name))
        for name, meaning in meanings.items()
    ]


def starter_file() -> str:
    """A zephyr.toml in which every setting is explained and none is set."""
    return _render("zephyr.toml.jinja")


def reference() -> str:
    """The page docs/configuration.md."""
    return _render("configuration.md.jinja")


def _render(template: str) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(  # noqa: S701 - TOML and Markdown are not HTML
        loader=FileSystemLoader(resource("templates", "spec")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(template).render(sections=sections(), not_settings=sorted(NOT_SETTINGS))


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(reference(), encoding="utf-8")
