"""`status`: how a deployment is, asked of the deployment itself."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from zephyr_deploy.deploy.known import known
from zephyr_deploy.deploy.results import StatusResult
from zephyr_deploy.deploy.spent import cost_of_service
from zephyr_deploy.paths import checked_name
from zephyr_deploy.providers.registry import cloud, is_cloud, providers

if TYPE_CHECKING:
    from concurrent.futures import Future

    from zephyr_deploy.providers.machines import MachineStatus
    from zephyr_deploy.spec.base import ProviderName


def status(name: str) -> StatusResult:
    """Look at every machine of one deployment; never raises because one is absent, away or unwell.

    Raises:
        ConfigError: no deployment can be called ``name``.
    """
    checked_name(name)
    now = datetime.now(timezone.utc)
    asked, record = providers(), known(name)
    with ThreadPoolExecutor(1, thread_name_prefix="elsewhere") as pool:
        also_in: Future[tuple[ProviderName, ...]] | None = None
        if record is not None and is_cloud(record.provider):
            asked.append(cloud(record.provider))
            also_in = pool.submit(_elsewhere, name, record.provider)
        machines = tuple(machine for provider in asked for machine in provider.machines(name))
    state = next((machine.state for machine in machines if machine.state != "ready"), "ready" if machines else "absent")
    service = next((machine.service for machine in machines if machine.service), None)
    return StatusResult(
        name=name,
        state=state,
        service=service,
        machines=machines,
        age_s=max(0.0, (now - service.started_at).total_seconds()) if service and service.release else None,
        ends_at=min(filter(None, map(_ends, machines)), default=None),
        cost_usd=sum(cost_of_service(machine.service) for machine in machines if machine.service),
        also_in=also_in.result() if also_in else (),
        at=now,
    )


def _elsewhere(name: str, here: ProviderName) -> tuple[ProviderName, ...]:
    """Other clouds that have a machine of it; one that cannot be asked has none that anybody knows of."""
    from zephyr_deploy.deploy.clouds.elsewhere import machines_elsewhere  # for those who have one in a cloud

    found = machines_elsewhere(name, here, lambda _trouble: None)
    return tuple(sorted({instance.provider for instance in found}))


def _ends(machine: MachineStatus) -> datetime | None:
    if machine.ending:
        return machine.ending.at
    return machine.service.ends_at if machine.service else None
