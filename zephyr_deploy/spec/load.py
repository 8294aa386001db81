"""From everything that speaks of a deployment to one `Deployment`, with the origin of every value.

Precedence: flag > ``ZEPHYR_*`` environment > profile > zephyr.toml > default.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zephyr_deploy.errors import ConfigError
from zephyr_deploy.spec.build import build
from zephyr_deploy.spec.environment import named, read_environment, read_flags
from zephyr_deploy.spec.file import ConfigFile, find_config
from zephyr_deploy.spec.keys import KEYS
from zephyr_deploy.spec.origin import DEFAULT, Layer, Origin, refuse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zephyr_deploy.spec.deployment import Deployment


@dataclass(frozen=True)
class Loaded:
    """What the user wants, and how we know."""

    deployment: Deployment
    origins: dict[str, Origin]
    """For every key, by its dotted name."""
    config: Path | None = None
    """The file that was read."""
    profile: str | None = None


def load(
    *,
    config: Path | None = None,
    profile: str | None = None,
    flags: Mapping[str, object] | None = None,
    environ: Mapping[str, str] = os.environ,
    cwd: Path | None = None,
) -> Loaded:
    """Read what the user wants.

    Args:
        config: The file to read; unset: ``ZEPHYR_CONFIG``, else the nearest zephyr.toml (see `config_path`).
        profile: Which ``[profile.NAME]`` of it to lay over it; unset: ``ZEPHYR_PROFILE``, else none.
        flags: Values by dotted key, e.g. ``{"model.id": "…", "access.port": 0}``; None is no value.
        environ: Where the ``ZEPHYR_*`` variables are.
        cwd: Where to look for zephyr.toml; unset: the working directory.

    Raises:
        ConfigError: something is unknown, not allowed or contradictory; the message has all that is.
    """
    here = cwd or Path.cwd()
    path, chosen = config_path(config, environ, here), profile or named(environ, "ZEPHYR_PROFILE")
    if chosen and path is None:
        raise ConfigError(
            f"profile {chosen}: there is no zephyr.toml to hold it.",
            hint=f"zephyr-deploy init writes one; then add [profile.{chosen}].",
        )
    layers = _file_layers(path, chosen, here) if path else []
    layers += [read_environment(environ), read_flags(flags or {})]
    given = {key: value for layer in layers for key, value in layer.given.items()}
    deployment, problems = build(given)
    problems = [problem for layer in layers for problem in layer.problems] + problems
    refuse(problems)
    origins = {key: given[key].origin if key in given else DEFAULT for key in KEYS}
    return Loaded(deployment, origins, path, chosen)


def config_path(config: Path | None, environ: Mapping[str, str], cwd: Path) -> Path | None:
    """The file to read: the one given, else ``ZEPHYR_CONFIG``, else the nearest zephyr.toml, else none.

    The nearest is looked for in ``cwd`` and its parents, up to the root of the repository or to home.

    Raises:
        ConfigError: ``ZEPHYR_CONFIG`` is set but empty.
    """
    wanted = config or named(environ, "ZEPHYR_CONFIG")
    if wanted:
        return cwd / Path(wanted).expanduser()
    home = environ.get("HOME")
    return find_config(cwd, Path(home) if home else None)


def _file_layers(path: Path, profile: str | None, cwd: Path) -> list[Layer]:
    shown = path.relative_to(cwd) if path.is_relative_to(cwd) else path
    file = ConfigFile.read(path, str(shown))
    layers = [file.settings()]
    if profile:
        # The mistakes of every profile are among those of the file already
        layers.append(Layer(given=file.profile(profile).given))
    return layers
