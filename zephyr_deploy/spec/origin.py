"""Where a value came from, and what is wrong with some of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from zephyr_deploy.errors import ConfigError

LayerName = Literal["default", "file", "profile", "env", "flag"]
"""From the weakest to the strongest."""


@dataclass(frozen=True)
class Origin:
    """The layer that won, and where in it: ``zephyr.toml:12``, ``ZEPHYR_PORT``, ``--port``; empty for a default."""

    layer: LayerName
    where: str = ""

    def __str__(self) -> str:
        return self.where or self.layer


DEFAULT = Origin("default")


@dataclass(frozen=True)
class Given:
    """A value as it was written, before any check, and where."""

    value: object
    origin: Origin


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: the settings it concerns, as written, and the reason with what is allowed."""

    settings: tuple[str, ...]
    reason: str

    def __str__(self) -> str:
        return f"{', '.join(self.settings)}: {self.reason}"


@dataclass
class Layer:
    """What one source of settings says, by dotted key, and what is wrong with how it says it."""

    given: dict[str, Given] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def refuse(problems: list[Problem]) -> None:
    """Do nothing if there are none.

    Raises:
        ConfigError: there are some; the message has all of them.
    """
    if not problems:
        return
    hint = "zephyr-deploy init --stdout shows every setting with what it allows."
    details = {"problems": [{"settings": list(problem.settings), "reason": problem.reason} for problem in problems]}
    if len(problems) == 1:
        only = str(problems[0])
        raise ConfigError(only if only.endswith("?") else f"{only}.", hint=hint, details=details)
    lines = "".join(f"\n  {problem}" for problem in problems)
    raise ConfigError(f"{len(problems)} settings are not right:{lines}", hint=hint, details=details)
