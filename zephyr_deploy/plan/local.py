"""What a wish may say that the local provider cannot do: nothing is dropped in silence."""

from __future__ import annotations

from zephyr_deploy.engines.base import Problem
from zephyr_deploy.spec.base import Frozen
from zephyr_deploy.spec.deployment import Deployment

IMPOSSIBLE = {
    "machine.gpu": ("provider local serves on the processor", "Leave it out; clouds are not built yet."),
    "machine.gpus": ("provider local serves on the processor", "Leave it out; clouds are not built yet."),
    "access.expose": ("provider local listens on the loopback interface only", "Leave it out."),
}
"""Settings that would be a promise broken: what stands against each, and what to do."""
UNUSED = (
    "machine.region",
    "machine.host",
    "machine.user",
    "machine.spot",
    "machine.disk_gb",
    "engine.image",
    "cost.ttl",
    "cost.idle",
    "cost.max_hourly_usd",
    "cost.budget_usd",
)
"""Settings that have no meaning where nothing is rented."""


def impossible(deployment: Deployment) -> list[Problem]:
    """What the user asked for and this machine cannot do."""
    return [Problem(setting, *words) for setting, words in IMPOSSIBLE.items() if _is_wanted(deployment, setting)]


def unused(deployment: Deployment) -> tuple[str, ...]:
    """A note that names what the user set in vain; empty if there is nothing."""
    found = [setting for setting in UNUSED if _is_wanted(deployment, setting)]
    return (f"Provider local makes no use of {', '.join(found)}.",) if found else ()


def _is_wanted(deployment: Deployment, setting: str) -> bool:
    """Whether the user gave this setting a value that asks for something."""
    section, _, field = setting.partition(".")
    part: Frozen = getattr(deployment, section)
    return field in part.model_fields_set and getattr(part, field) not in {None, False}
