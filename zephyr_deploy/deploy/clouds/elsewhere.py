"""One deployment in several clouds: two laptops that name two of them have no lock between them, and each pays for one.

Only clouds whose credentials are at hand can be asked; what is in others of them nobody here can know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.deploy.known import configured_clouds
from zephyr_deploy.errors import ConflictError, ZephyrError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from zephyr_deploy.providers.clouds.types import Instance

ENDING = {"stopping", "gone"}


def machines_elsewhere(name: str, here: str, notice: Callable[[str], None]) -> list[Instance]:
    """Machines of deployment ``name`` in other clouds than ``here``.

    Args:
        name: Of the deployment.
        here: The cloud that it is known to be in.
        notice: Told of a cloud that cannot be asked.
    """
    found: list[Instance] = []
    for one in configured_clouds():
        if one.name == here:
            continue
        try:
            found += [instance for instance in one.instances(name) if instance.state not in ENDING]
        except ZephyrError as error:
            notice(f"{one.name} cannot be asked whether it has {name}, too: {error.message}")
    return found


def require_none_elsewhere(name: str, here: str, notice: Callable[[str], None]) -> None:
    """See that no other cloud has a machine of it, before one is ordered.

    Raises:
        ConflictError: one has.
    """
    found = machines_elsewhere(name, here, notice)
    if found:
        hint = f"Take it away there first: `zephyr-deploy down {name}`; or choose another name."
        raise ConflictError(f"{name} is in {found[0].provider}, not in {here}: {told(found)}", hint=hint)


def too_many(name: str, found: Iterable[Instance]) -> str:
    """That there are more machines of it than anybody wants, for people."""
    return f"another cloud has {name}, too: {told(found)}; zephyr-deploy down {name} takes all of it away"


def told(found: Iterable[Instance]) -> str:
    """Machines, each with its price."""
    return ", ".join(f"{one.provider} machine {one.id}, ${one.stamp.price_per_hour_usd:.2f} an hour" for one in found)
