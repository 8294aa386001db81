"""Fields of a config.json, each checked as it is read: whatever is wrong is named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from zephyr_deploy.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

HINT = "Correct it in the repository or folder, or plan with another model or revision: model.id, model.revision."
TEXT = ("text_config", "llm_config", "language_config", "thinker_config")
"""Where models that read pictures or sound describe their text part."""
SHOWN = 40
"""Characters of a value that is wrong."""


@dataclass(frozen=True)
class Fields:
    """A config.json, or the part of it that describes the text model."""

    model: str
    """Whose it is, for messages."""
    values: Mapping[str, Any]
    defaults: Mapping[str, Any]
    """What the ``transformers`` library puts where nothing is said."""
    where: str = "config.json"

    def get(self, *names: str) -> Any:
        """The first of these that is there and not null, or its default."""
        for values in (self.values, self.defaults):
            for name in names:
                if values.get(name) is not None:
                    return values[name]
        return None

    def whole(self, *names: str, most: int, least: int = 1) -> int:
        """A whole number under one of these names.

        Raises:
            ConfigError: there is none, or it is no number from ``least`` to ``most``.
        """
        found = self.whole_or_none(*names, most=most, least=least)
        if found is None:
            others = f" (nor {', '.join(names[1:])})" if names[1:] else ""
            raise ConfigError(
                f"{self.model}: {self.where} has no {names[0]}{others}", hint=HINT, details={"field": names[0]}
            )
        return found

    def whole_or_none(self, *names: str, most: int, least: int = 1) -> int | None:
        """A whole number under one of these names; None where there is none.

        Raises:
            ConfigError: it is no number from ``least`` to ``most``.
        """
        for name in names:
            value = self.get(name)
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
                self.wrong(name, f"a whole number from {least} to {most}")
            return value
        return None

    def flag(self, name: str, *, default: bool) -> bool:
        """A yes or no.

        Raises:
            ConfigError: it is something else.
        """
        value = self.get(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.wrong(name, "true or false")
        return value

    def text(self, *names: str) -> str:
        """A word under one of these names; empty where there is none, or something else."""
        value = self.get(*names)
        return value if isinstance(value, str) else ""

    def part(self, name: str) -> Fields | None:
        """An object within this one; None where there is none.

        Raises:
            ConfigError: it is something else.
        """
        value = self.get(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            self.wrong(name, "an object")
        return Fields(self.model, value, {}, f"{name} of {self.where}")

    def text_part(self) -> tuple[Fields, bool]:
        """Where the text model is described, and whether that is within the rest.

        Raises:
            ConfigError: what should describe it is no object.
        """
        found, nested = self, False
        while (part := next((found.part(name) for name in TEXT if found.get(name) is not None), None)) is not None:
            found, nested = part, True
        return found, nested

    def wrong(self, name: str, expected: str) -> NoReturn:
        """Refuse the value of a field.

        Raises:
            ConfigError: always.
        """
        text = repr(self.get(name))
        shown = text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
        said = f"{self.model}: {name} in {self.where} is {shown}; expected is {expected}"
        raise ConfigError(said, hint=HINT, details={"field": name})
