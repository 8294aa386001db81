"""How a service is: asked of the service, and of its log only where it cannot answer."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from zephyr_deploy.agent import metrics
from zephyr_deploy.engines.llamacpp.causes import DRAINING, MILESTONES
from zephyr_deploy.engines.shown import shown_by
from zephyr_deploy.providers.base import Service, ServiceState
from zephyr_deploy.providers.local.logfile import cause_of, tail
from zephyr_deploy.providers.machines import Figures, MachineStatus
from zephyr_deploy.release.request import figures

if TYPE_CHECKING:
    from pathlib import Path

    from zephyr_deploy.providers.local.folder import Folder, Record
    from zephyr_deploy.providers.local.processes import ServiceProcess

HEALTH_S = 2.0
"""Longest wait for a health check, in seconds."""
ENGINE = "llamacpp"


def describe(found: ServiceProcess, log: Path) -> Service:
    """The service that a process is, with its state."""
    state, detail = look(found.url, log)
    return Service(
        name=found.name,
        provider="local",
        release=found.release,
        state=state,
        engine=ENGINE,
        model_id=found.model_id,
        url=found.url,
        pid=found.pid,
        started_at=found.started_at,
        detail=detail,
        api_key=found.api_key,
    )


def describe_dead(record: Record, folder: Folder) -> Service:
    """The service that should run and does not."""
    return Service(
        name=record.name,
        provider="local",
        release=record.release,
        state="failed",
        engine=ENGINE,
        model_id=record.model_id,
        url=f"http://127.0.0.1:{record.port}",
        pid=record.pid,
        started_at=record.started_at,
        detail=cause_of(folder.log).cause,
        api_key=folder.known_api_key() if record.api_key else None,
    )


def status_of(service: Service) -> MachineStatus:
    """How a service of this machine is doing: its gateway has TGI's metrics under TGI's names."""
    found: dict[str, float] = {}
    version = ""
    uptime_s = (datetime.now(timezone.utc) - service.started_at).total_seconds()
    if service.state == "ready" and service.port:
        found = metrics.rates(service.port, figures(service.engine))
        version = metrics.version(service.port, shown_by(service.engine).version_path)
    return MachineStatus(
        host=None,
        state=service.state,
        detail=service.detail,
        service=service,
        figures=Figures.read(found, uptime_s),
        uptime_s=uptime_s if service.state != "failed" else None,
        engine_version=version,
        draining=(service.release,) if service.state == "draining" else (),
    )


def look(url: str, log: Path) -> tuple[ServiceState, str]:
    """State of a service whose process runs, and why it is not ready."""
    import httpx

    try:
        answer = httpx.get(f"{url}/health", timeout=HEALTH_S, trust_env=False)
    except httpx.ConnectError:
        return _closed(log)
    except httpx.TransportError as error:
        return "unhealthy", f"it does not answer its health check within {HEALTH_S:g} s ({type(error).__name__})"
    if answer.is_success:
        return "ready", ""
    return "unhealthy", f"its health check says HTTP {answer.status_code}"


def _closed(log: Path) -> tuple[ServiceState, str]:
    """The port is closed before the service is ready and after it was told to stop; its log knows which."""
    lines = tail(log, 1000)
    if any(DRAINING.search(line) for line in lines):
        return "draining", "it lets running requests end"
    passed = [name for name, pattern in MILESTONES.items() if any(map(pattern.search, lines))]
    return "starting", f"passed: {', '.join(passed)}" if passed else "it loads the model"
