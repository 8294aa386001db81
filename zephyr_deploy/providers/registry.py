"""The providers that this version has, by name; each is imported when it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.errors import ConfigError

if TYPE_CHECKING:
    from zephyr_deploy.providers.base import Provider
    from zephyr_deploy.providers.clouds.contract import CloudProvider

HERE = ("local", "ssh")
"""Those that say what exists without asking an account."""
CLOUDS: tuple[str, ...] = ("aws", "e2e")
"""Those that make machines."""


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
    if name == "e2e":
        from zephyr_deploy.providers.e2e.provider import E2eProvider

        return E2eProvider()
    if name == "aws":
        from zephyr_deploy.providers.aws.provider import AwsProvider

        return AwsProvider()
    raise ConfigError(
        f"provider {name} is not built yet; this version has: {', '.join((*HERE, *CLOUDS))}",
        hint="Serve on this machine with --provider local, or on one of yours with --provider ssh --host HOST.",
    )


def providers() -> list[Provider]:
    """Every provider that can be asked what exists without credentials of an account."""
    return [provider(name) for name in HERE]


def is_cloud(name: str) -> bool:
    """Whether that provider makes machines."""
    return name in CLOUDS


def cloud(name: str) -> CloudProvider:
    """The cloud of that name.

    Raises:
        ConfigError: this version does not have it, or it is no cloud.
    """
    from zephyr_deploy.providers.clouds.contract import CloudProvider

    found = provider(name)
    if not isinstance(found, CloudProvider):
        raise ConfigError(f"provider {name} makes no machines", hint=f"Those that do: {', '.join(CLOUDS)}.")
    return found


def clouds() -> list[CloudProvider]:
    """Every cloud, whether or not its credentials are at hand."""
    return [cloud(name) for name in CLOUDS]
