"""Which services exist, and how to reach one: always looked up in the world, never in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.deploy.known import configured_clouds, known, of_each
from zephyr_deploy.errors import NotDeployedError, UnhealthyError, UsageError
from zephyr_deploy.paths import checked_name
from zephyr_deploy.providers.nodes.record import record_of, records
from zephyr_deploy.providers.registry import cloud, clouds, is_cloud, providers

if TYPE_CHECKING:
    from collections.abc import Callable

    from zephyr_deploy.endpoint.types import Endpoint
    from zephyr_deploy.providers.base import Service
    from zephyr_deploy.providers.clouds.contract import CloudProvider


def services(name: str | None = None, on_trouble: Callable[[str], None] | None = None) -> list[Service]:
    """Every service of ours that any provider finds, by name; with ``name`` only that deployment's.

    Args:
        name: Of the deployment; a cloud is asked then only where nothing here is called so.
        on_trouble: Told of each cloud that cannot be asked what it has, and why; None: that is an error.

    Raises:
        ConfigError: no deployment can be called ``name``.
        ZephyrError: a cloud cannot be asked, and nobody is told.
    """
    found = services_here(name)
    if name is None:
        found += _noted_without_credentials()
    asked = _clouds_of(name, any_here=bool(found))
    found += of_each(asked, lambda one: map(_from_elsewhere, one.services(name)), on_trouble)
    return sorted(found, key=lambda s: s.name)


def _noted_without_credentials() -> list[Service]:
    """What this user has noted of clouds that cannot be asked now: the machines themselves say how they are."""
    unasked = [one for one in clouds() if not one.configured()]
    return [service for one in unasked for record in records(one.name) for service in one.services(record.name)]


def _from_elsewhere(service: Service) -> Service:
    """The same, with what helps where a machine that was made from elsewhere does not know this user yet.

    Looking at all there is lets nobody in: that takes calls to the cloud for each of them.
    """
    if service.release or service.state != "unhealthy" or record_of(service.name) is not None:
        return service
    detail = f"it was made from elsewhere, and lets you in once you name it: `zephyr-deploy status {service.name}`"
    return service.model_copy(update={"detail": detail})


def services_here(name: str | None = None) -> list[Service]:
    """Those that are found without asking a cloud: on this machine, and on the machines that this user names.

    Raises:
        ConfigError: no deployment can be called ``name``.
    """
    if name is not None:
        checked_name(name)
    found = [service for provider in providers() for service in provider.services(name)]
    return sorted(found, key=lambda s: s.name)


def _clouds_of(name: str | None, *, any_here: bool) -> list[CloudProvider]:
    """The clouds that may have services of that name, or any."""
    if name is None:
        return configured_clouds()
    record = None if any_here else known(name)
    return [cloud(record.provider)] if record and is_cloud(record.provider) else []


def service_of(name: str | None = None) -> Service:
    """The service of that name, or the only one there is; of those on several machines one that is ready.

    Raises:
        NotDeployedError: there is none.
        UsageError: no name was given and there are several.
    """
    found = services(name)
    if not found:
        if name is None:
            raise NotDeployedError("nothing is deployed", hint="Start it with `zephyr-deploy up`.")
        raise NotDeployedError(f"deployment {name} does not run", hint=f"Start it with `zephyr-deploy up {name}`.")
    if len({service.name for service in found}) > 1:
        names = ", ".join(service.name for service in found)
        raise UsageError(f"there are several deployments: {names}", hint="Name one, e.g. `zephyr-deploy status NAME`.")
    return next((service for service in found if service.state == "ready"), found[0])


def endpoint_of(name: str | None = None) -> Endpoint:
    """How to speak to the service of that name, or to the only one there is.

    Raises:
        NotDeployedError, UsageError: as `service_of`.
        UnhealthyError: it exists but has failed.
    """
    return working(service_of(name)).endpoint()


def working(service: Service) -> Service:
    """The same service, unless it has failed.

    Raises:
        UnhealthyError: it has.
    """
    if service.state == "failed":
        raise UnhealthyError(
            f"deployment {service.name} has failed: {service.detail}",
            hint=f"Repair it with `zephyr-deploy up {service.name}` and the flags it was started with.",
        )
    return service
