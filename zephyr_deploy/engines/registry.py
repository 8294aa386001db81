"""The engines, by name; each is imported when it is asked for."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, get_args

from zephyr_deploy.errors import ConfigError
from zephyr_deploy.spec.base import EngineName

if TYPE_CHECKING:
    from zephyr_deploy.engines.base import EngineSpec

ENGINES: tuple[EngineName, ...] = get_args(EngineName)
"""Every engine's name; its `EngineSpec` is ``SPEC`` in ``zephyr_deploy.engines.<name>.spec``."""


def engine(name: EngineName) -> EngineSpec:
    """The engine of that name.

    Raises:
        ConfigError: there is none.
    """
    if name not in ENGINES:
        raise ConfigError(
            f"there is no engine {name}; this version has: {', '.join(ENGINES)}",
            hint="Set engine.name in zephyr.toml, or say --engine NAME.",
        )
    spec: EngineSpec = importlib.import_module(f"zephyr_deploy.engines.{name}.spec").SPEC
    return spec
