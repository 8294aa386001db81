"""The keys of zephyr.toml, read from the models: ``limits.max_input_tokens`` and so on."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from zephyr_deploy.spec.base import Frozen
from zephyr_deploy.spec.deployment import Deployment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydantic.fields import FieldInfo

ALIKE = 0.6
"""Likeness from which a word is suggested: the default of `difflib.get_close_matches`."""


@dataclass(frozen=True)
class Key:
    """One setting: where it stands, and what pydantic knows of it."""

    section: str
    """Table of zephyr.toml; empty for the top level."""
    name: str
    info: FieldInfo

    @property
    def path(self) -> str:
        """Dotted, e.g. ``access.port``."""
        return f"{self.section}.{self.name}" if self.section else self.name

    @property
    def default(self) -> object:
        """What holds when nobody says otherwise."""
        return self.info.get_default(call_default_factory=True)


def _sections() -> dict[str, type[Frozen]]:
    found = {name: info.annotation for name, info in Deployment.model_fields.items()}
    return {name: kind for name, kind in found.items() if isinstance(kind, type) and issubclass(kind, Frozen)}


def _keys() -> Iterator[Key]:
    for name, info in Deployment.model_fields.items():
        if name not in SECTIONS:
            yield Key("", name, info)
    for section, model in SECTIONS.items():
        for name, info in model.model_fields.items():
            yield Key(section, name, info)


SECTIONS: dict[str, type[Frozen]] = _sections()
"""The tables of zephyr.toml, in order."""

KEYS: dict[str, Key] = {key.path: key for key in _keys()}
"""Every setting by its dotted key, in the order of zephyr.toml."""


def value_of(deployment: Deployment, path: str) -> object:
    """The value of one dotted key."""
    value: object = deployment
    for part in path.split("."):
        value = getattr(value, part)
    return value


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The one of ``known`` that was probably meant, or None; of two alike, the one with the same first letter."""
    scores = [(SequenceMatcher(None, word, one).ratio(), one[:1] == word[:1], one) for one in known]
    ratio, _, best = max(scores, default=(0.0, False, ""))
    return best if ratio >= ALIKE else None


def nearest_key(path: str) -> str | None:
    """The key or table that was probably meant: so named in another table, or spelt alike in this one or any."""
    section, _, name = path.rpartition(".")
    everywhere = {key.name: key.path for key in reversed(KEYS.values())}
    if name in everywhere:
        return everywhere[name]
    here = {key.name: key.path for key in KEYS.values() if key.section == section}
    tables = {} if section else {table: table for table in SECTIONS}
    for known in (here | tables, everywhere):
        meant = nearest(name, known)
        if meant:
            return known[meant]
    return None
