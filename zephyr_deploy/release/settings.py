"""The settings by which a wish makes a release what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.spec.values import SOURCES

if TYPE_CHECKING:
    from zephyr_deploy.spec.deployment import Deployment

OF_GATEWAY = frozenset({"access.expose", "access.domain", "access.cidr"})
"""Settings that are the gateway's business where it has a machine of its own."""


def wanted_settings(deployment: Deployment) -> dict[str, object]:
    """The settings that make a release what it is, by their names; masked as everything printed is.

    Where a secret lies is no version of anything.
    """
    wanted = deployment.model_dump(mode="json", include={"model", "engine", "limits", "access"}, exclude_none=True)
    flat = {f"{section}.{key}": value for section, fields in wanted.items() for key, value in fields.items()}
    of_others = SOURCES | (OF_GATEWAY if deployment.machine.gateway else set())
    return {path: value for path, value in flat.items() if path not in of_others}
