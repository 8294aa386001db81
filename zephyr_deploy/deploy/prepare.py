"""Sees that machines can serve, and has the playbooks bring what they lack."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from zephyr_deploy.errors import ConfigError
from zephyr_deploy.plan.readiness import lacks

if TYPE_CHECKING:
    from zephyr_deploy.deploy.fleet import Fleet
    from zephyr_deploy.plan.readiness import Lack


def require_ready(fleet: Fleet) -> None:
    """See that every machine can serve.

    Raises:
        ConfigError: one lacks something.
    """
    missing = [(member, lacks(member.facts, now=time.time())) for member in fleet.members]
    for member, found in missing:
        for lack in found:
            if not lack.grave:
                fleet.phases.notice(f"{member.name}: {lack.name}: {lack.detail}. {lack.fix}", warning=True)
        grave = [lack for lack in found if lack.grave]
        if grave:
            raise _not_ready(member.name, grave)


def _not_ready(name: str, grave: list[Lack]) -> ConfigError:
    lines = "".join(f"\n  {lack.name}: {lack.detail}. {lack.fix}" for lack in grave)
    return ConfigError(f"{name} cannot serve yet:{lines}", hint="See all of it: `zephyr-deploy doctor --host HOST`.")
