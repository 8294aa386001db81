"""Starts the service as a process that outlives us."""

from __future__ import annotations

import errno
import fcntl
import os
import sys
from typing import TYPE_CHECKING

from zephyr_deploy.engines.llamacpp.service import bind
from zephyr_deploy.engines.llamacpp.settings import API_KEY_ENV
from zephyr_deploy.engines.llamacpp.spec import SPEC
from zephyr_deploy.errors import ConfigError
from zephyr_deploy.providers.local.processes import holder_of

if TYPE_CHECKING:
    import socket
    from pathlib import Path

    from zephyr_deploy.engines.base import ServeSettings
    from zephyr_deploy.spec.secret import Secret

KEPT_ENV = frozenset({"PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TMPDIR", "TZ", "VIRTUAL_ENV"})
KEPT_PREFIXES = ("LD_", "DYLD_", "PYTHON")
"""What a Python process needs. A service that runs for days has no use for the caller's cloud credentials."""
LOG_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND


def reserve(port: int) -> socket.socket:
    """Take the port, or a free one for 0, before anything is started.

    Raises:
        ConfigError: another process has it; named where this user may know it.
    """
    try:
        return bind(port)
    except OSError as error:
        if error.errno == errno.EACCES:
            raise ConfigError(
                f"port {port} may not be taken by this user", hint="Take one above 1023: --port 8080"
            ) from error
        holder = holder_of(port)
        raise ConfigError(
            f"port {port} is taken" + (f" by {holder}" if holder else ""),
            hint="Take another one, or a free one: zephyr-deploy up --port 0",
            details={"port": port, "holder": holder},
        ) from error


def launch(
    serve: ServeSettings,
    listener: socket.socket,
    *,
    name: str,
    release: str,
    settings: Path,
    log: Path,
    api_key: Secret | None,
) -> int:
    """Start the service in a session of its own, with the bound ``listener`` handed down; returns its pid.

    ``posix_spawn`` and not `subprocess`: a service is nobody's child to wait for.
    """
    given = serve.model_copy(update={"port": listener.getsockname()[1]})
    # Above the standard streams, which may be closed here, and inherited by the child.
    handed = fcntl.fcntl(listener.fileno(), fcntl.F_DUPFD, 3)
    options = ["--name", name, "--release", release, "--settings", str(settings), "--listener", str(handed)]
    try:
        return os.posix_spawn(
            sys.executable,
            [sys.executable, *SPEC.argv(given), *options],
            service_env(api_key),
            setsid=True,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, str(log), LOG_FLAGS, 0o600),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
        )
    finally:
        os.close(handed)


def service_env(api_key: Secret | None) -> dict[str, str]:
    """Environment of the service: the least that Python needs, and the key."""
    env = {k: v for k, v in os.environ.items() if k in KEPT_ENV or k.startswith(KEPT_PREFIXES)}
    # `-m` would put the caller's folder first on the path: a starlette.py there must not become part of the service.
    env["PYTHONSAFEPATH"] = "1"
    return {**env, API_KEY_ENV: api_key.get_secret_value()} if api_key else env
