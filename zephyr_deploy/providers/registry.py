"""The providers that this version has, by name; each is imported when it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.errors import ConfigError

if TYPE_CHECKING:
    from zephyr_deploy.providers.base import Provider

BUILT = ("local", "ssh")


def provider(name: str) -> Provider:
    """The provider of that name.

    Raises:
        ConfigError: this version does not have it.
    """
    if name == "local":
        from zephyr_deploy.providers.local.provider import LocalProvider

        return LocalProvider()
    if name == "ssh":
        from zephyr_deploy.providers.ssh.provider import SshProvider

        return SshProvider()
    raise ConfigError(
        f"provider {name} is not built yet; this version has: {', '.join(BUILT)}",
        hint="Serve on this machine with --provider local, or on one of yours with --provider ssh --host HOST.",
    )


def providers() -> list[Provider]:
    """Every provider that can be asked what exists."""
    return [provider(name) for name in BUILT]
