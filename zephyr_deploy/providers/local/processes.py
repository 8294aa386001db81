"""Finds our services in the process table: the one place that cannot be lost, deleted or out of date.

A service is a process of this user whose argv names the service's module and a settings file in this state folder.
Another ZEPHYR_STATE_DIR is another world: its services are not ours, as its locks are not.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import psutil

from zephyr_deploy.engines.llamacpp.engine import ENGINE_MODULE
from zephyr_deploy.engines.llamacpp.settings import API_KEY_ENV
from zephyr_deploy.engines.llamacpp.spec import SERVICE_MODULE
from zephyr_deploy.paths import state_dir
from zephyr_deploy.spec.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

GONE = (psutil.NoSuchProcess, psutil.ZombieProcess, psutil.AccessDenied)


@dataclass(frozen=True)
class ServiceProcess:
    """A running service, as its own argv and environment describe it."""

    process: psutil.Process
    name: str
    release: str
    port: int
    model_id: str
    api_key: Secret | None

    @property
    def pid(self) -> int:
        """Process id; also the id of its session and process group."""
        return self.process.pid

    @property
    def url(self) -> str:
        """Where it answers, or will."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def started_at(self) -> datetime:
        """When the kernel started it."""
        return datetime.fromtimestamp(self.process.create_time(), timezone.utc)


def find(name: str | None = None) -> list[ServiceProcess]:
    """The services that run now; with ``name`` only that deployment's."""
    found = (_service(process, options) for process, options in _ours(SERVICE_MODULE))
    return [service for service in found if service and name in {None, service.name}]


def members(pid: int, name: str) -> list[psutil.Process]:
    """What runs of the service with that pid: itself and its engine, even where the service is dead already.

    A process counts only if both its session and its argv are ours: a reused pid never does.
    """
    candidates = [*_ours(SERVICE_MODULE), *_ours(ENGINE_MODULE)]
    return [p for p, options in candidates if options.get("--name") == name and _session(p) == pid]


def alive(process: psutil.Process) -> bool:
    """Whether it still runs; one that has ended and waits to be reaped does not."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def reap(pid: int) -> None:
    """Put a service to rest that this very process has started and that has ended; else nothing."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def holder_of(port: int) -> str | None:
    """Name and pid of the process that listens on a loopback port, where this user may know."""
    with contextlib.suppress(psutil.AccessDenied, OSError):
        for connection in psutil.net_connections(kind="tcp"):
            taken = connection.laddr and connection.laddr.port == port and connection.status == psutil.CONN_LISTEN
            if taken and connection.pid:
                with contextlib.suppress(*GONE):
                    return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    return None


def _ours(module: str) -> Iterator[tuple[psutil.Process, dict[str, str]]]:
    """Processes of this user that run ``module``, each with its options, as far as they belong to this state folder.

    The engine has no settings in its argv; its session decides (see `members`).
    """
    home = str(state_dir().absolute()) + os.sep
    for process in psutil.process_iter():
        with contextlib.suppress(*GONE):
            options = _options(process.cmdline(), module)
            if options is None or process.uids().real != os.getuid():
                continue
            if options.get("--settings", home).startswith(home):
                yield process, options


def _options(argv: Sequence[str], module: str) -> dict[str, str] | None:
    """Options of ``python ... -m module --option value ...``; None if it is not that."""
    if module not in argv[:-1] or argv[argv.index(module) - 1] != "-m":
        return None
    words = argv[argv.index(module) + 1 :]
    return dict(zip(words[::2], words[1::2], strict=False))


def _service(process: psutil.Process, options: dict[str, str]) -> ServiceProcess | None:
    with contextlib.suppress(*GONE, KeyError, ValueError):
        key = process.environ().get(API_KEY_ENV)
        return ServiceProcess(
            process=process,
            name=options["--name"],
            release=options["--release"],
            port=int(options["--port"]),
            model_id=options["--model"],
            api_key=Secret(key) if key else None,
        )
    return None


def _session(process: psutil.Process) -> int | None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        return os.getsid(process.pid)
    return None
