"""The providers that this version has, by name; each is imported when it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.errors import ConfigError

if TYPE_CHECKING:
    from zephyr_deploy.providers.base import Provider

BUILT = ("local",)


def provider(name: str) -> Provider:
    """The provider of that name.

    Raises:
        ConfigError: this version does not have it.
    """
    if name != "local":
        raise ConfigError(
            f"provider {name} is not built yet; this version has: {', '.join(BUILT)}",
            hint="Serve on this machine with --provider local.",
        )
    from zephyr_deploy.providers.local.provider import LocalProvider

    return LocalProvider()


def providers() -> list[Provider]:
    """Every provider that can be asked what exists."""
    return [provider(name) for name in BUILT]
