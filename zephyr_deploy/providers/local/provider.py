"""This machine as a provider: the embedded engine as a process of this user."""

from __future__ import annotations

import shutil
import time
from datetime import datetime, timezone
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from zephyr_deploy.errors import ConfigError, DeadlineError, EngineFailedError, NotDeployedError
from zephyr_deploy.paths import deployment_dir, is_name, require_own_state, state_dir
from zephyr_deploy.providers.base import ProcessProvider, Service
from zephyr_deploy.providers.local import launch, processes
from zephyr_deploy.providers.local.folder import Folder, Record
from zephyr_deploy.providers.local.lines import LocalLines
from zephyr_deploy.providers.local.logfile import cause_of, follow, tail
from zephyr_deploy.providers.local.preflight import preflight
from zephyr_deploy.providers.local.render import render
from zephyr_deploy.providers.local.state import describe, describe_dead, look, status_of
from zephyr_deploy.providers.local.stop import stop_service
from zephyr_deploy.providers.local.weights.fetch import prepare_source
from zephyr_deploy.providers.local.weights.limits import check_limits
from zephyr_deploy.providers.local.weights.store import delete_models

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from zephyr_deploy.events import PhaseHandle
    from zephyr_deploy.plan.plan import Plan
    from zephyr_deploy.providers.logs import LogQuery
    from zephyr_deploy.providers.machines import MachineStatus
    from zephyr_deploy.release.release import Release
    from zephyr_deploy.spec.secret import Secret

POLL_S = 0.1
SHOWN_LINES = 20
"""Lines of the log that go with an error."""


class LocalProvider(ProcessProvider):
    """Services as processes of this user, each in a session of its own, on the loopback interface."""

    name = "local"

    def services(self, name: str | None = None) -> list[Service]:
        """Those that run, found in the process table, and those that should run and have died, by their notes."""
        require_own_state()
        running = processes.find()
        names = {service.name for service in running}
        found = [describe(service, Folder(service.name).log) for service in running]
        folders = sorted(path for path in (state_dir() / "deployments").glob("*") if is_name(path.name))
        dead = [(folder, folder.record()) for folder in (Folder(p.name) for p in folders if p.name not in names)]
        every = [*found, *(describe_dead(record, folder) for folder, record in dead if record)]
        return [service for service in every if name in {None, service.name}]

    def machines(self, name: str) -> list[MachineStatus]:
        """The one there can be; see `Provider.machines`."""
        return [status_of(service) for service in self.services(name)]

    def prepare(self, plan: Plan, phase: PhaseHandle) -> Plan:
        """Fetch and check the model; see `Provider.prepare`."""
        preflight()
        prepared = plan.model_copy(update={"source": prepare_source(plan.source, phase)})
        check_limits(prepared)
        return prepared

    def render(self, plan: Plan) -> Release:
        """One file, ``service.json``."""
        return render(plan)

    def check_start(self, plan: Plan, *, replacing: Sequence[Service]) -> None:
        """Take the port and give it back, unless it is one of those that become free; see `Provider.check_start`."""
        if plan.serve.port not in {service.port for service in replacing}:
            launch.reserve(plan.serve.port or 0).close()

    def start(self, plan: Plan, release: Release, given: Secret | None = None) -> Service:
        """Take the port, then start the process; see `Provider.start`."""
        preflight()
        folder = Folder(plan.deployment.name)
        with launch.reserve(plan.serve.port or 0) as listener:
            settings = folder.write_release(release)
            folder.turn_log()
            api_key = _api_key(folder, given) if plan.deployment.access.api_key else None
            pid = launch.launch(
                plan.serve,
                listener,
                name=plan.deployment.name,
                release=release.id,
                settings=settings,
                log=folder.log,
                api_key=api_key,
            )
            port: int = listener.getsockname()[1]
        record = Record(
            name=plan.deployment.name,
            release=release.id,
            model_id=plan.serve.model_id,
            port=port,
            pid=pid,
            started_at=datetime.now(timezone.utc),
            api_key=api_key is not None,
        )
        try:
            folder.write_record(record)
        except OSError:  # What cannot be noted is not left running behind an `up` that failed.
            stop_service(pid, record.name, 0, lambda _seconds: None)
            raise
        began = {"state": "starting", "detail": "it has been started", "api_key": api_key}
        return describe_dead(record, folder).model_copy(update=began)

    def wait_ready(self, service: Service, deadline_s: float, phase: PhaseHandle) -> Service:
        """Poll the service and its process; see `Provider.wait_ready`."""
        folder, started = Folder(service.name), time.monotonic()
        while (elapsed := time.monotonic() - started) < deadline_s:
            if not _runs(service):
                if service.pid is not None:
                    processes.reap(service.pid)
                raise _ended(service, folder)
            state, detail = look(service.url, folder.log)
            if state == "ready":
                phase.detail = ""
                return service.model_copy(update={"state": "ready", "detail": ""})
            phase.progress(elapsed, None, "seconds")
            phase.detail = detail
            time.sleep(POLL_S)
        raise DeadlineError(
            f"{service.name} did not generate a token within {deadline_s:g} s",
            hint=f"zephyr-deploy logs {service.name}",
            details={"log": tail(folder.log, SHOWN_LINES)},
        )

    def stop(self, service: Service, grace_s: float, progress: Callable[[float], None]) -> None:
        """SIGTERM, wait, SIGKILL, look again; see `Provider.stop`."""
        if service.pid is None:
            return
        stop_service(service.pid, service.name, grace_s, progress)
        Folder(service.name).drop_record(service.pid)

    def forget(self, name: str, *, purge: bool) -> list[str]:
        """Delete the deployment's folder, and with ``purge`` the models unless another service runs."""
        removed = []
        folder = deployment_dir(name)
        if folder.is_dir():
            shutil.rmtree(folder)
            removed.append(f"state and logs in {folder}")
        if folder.parent.is_dir() and not any(folder.parent.iterdir()):
            folder.parent.rmdir()
        if purge and not processes.find() and (freed := delete_models()):
            removed.append(f"downloaded models ({freed / 1e6:.0f} MB)")
        return removed

    def logs(self, name: str, query: LogQuery) -> Iterator[str]:
        """Read the log, which has the engine and its gateway in one; see `Provider.logs`."""
        if query.source != "engine" or query.host is not None:
            hint = f"Here one log has all of it: zephyr-deploy logs {name}"
            raise ConfigError(f"{name} runs on this machine: it has neither other logs nor other machines", hint=hint)
        path, lines = _log_of(name), LocalLines(query)
        end = path.stat().st_size
        found = lines.last(path, end)
        if not query.follow:
            return iter(found)
        return chain(found, filter(lines.wanted, follow(path, end, lambda: bool(processes.find(name)))))


def _api_key(folder: Folder, given: Secret | None) -> Secret:
    """The key that the service shall ask for; one that is given is kept nowhere but in its environment."""
    if given is None:
        return folder.api_key()
    folder.forget_api_key()
    return given


def _log_of(name: str) -> Path:
    """The service's log; where its folder was deleted, what the running service still writes to."""
    path = Folder(name).log
    if path.exists():
        return path
    for service in processes.find(name):
        stdout = Path(f"/proc/{service.pid}/fd/1")
        if stdout.exists() or stdout.is_symlink():
            return stdout
    raise NotDeployedError(f"there is no log of {name}", hint=f"Start it with `zephyr-deploy up {name}`.")


def _runs(service: Service) -> bool:
    found = next((s for s in processes.find(service.name) if s.pid == service.pid), None)
    return found is not None and processes.alive(found.process)


def _ended(service: Service, folder: Folder) -> EngineFailedError:
    found = cause_of(folder.log)
    return EngineFailedError(
        f"{service.name} did not start: {found.cause}",
        hint=found.fix,
        details={"line": found.line, "log": tail(folder.log, SHOWN_LINES)},
    )
