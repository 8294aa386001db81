"""A rehearsal: the clouds are emulators on this machine, with real machines behind them, and nothing is bought.

`make emulators` starts them and notes here how they are reached. A rehearsal keeps its state and its cache in folders
of its own, and knows no credential but the emulators', so that it can be taken for the real thing in neither direction.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psutil
from pydantic import ValidationError

from zephyr_deploy.errors import ConfigError
from zephyr_deploy.node.knownhosts import write_private
from zephyr_deploy.paths import cache_dir, private_dir, state_dir
from zephyr_deploy.spec.base import Frozen

if TYPE_CHECKING:
    from pathlib import Path

NOTE = "emulators.json"
REAL = ("AWS_", "E2E_", "ZEPHYR_AWS_", "ZEPHYR_E2E_", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
"""How the names of variables begin that lead to a real account, or prove who somebody is: none outlives `begin`."""
ADDRESSES = ("AWS_ENDPOINT_URL", "ZEPHYR_E2E_BASE_URL")
"""Variables by which the clouds' clients find another API than the real one; all of them are on this machine."""
NOWHERE = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    "HF_TOKEN_PATH": os.devnull,
}
"""Where credentials would be looked for otherwise."""
START = "make emulators, in a checkout of zephyr-deploy and in a terminal of its own; it needs Docker."


class Emulators(Frozen):
    """What runs, and how programs are told to use it."""

    pid: int
    started: float
    """When that process was made, in seconds of the epoch: another one may have its number by now."""
    variables: dict[str, str]
    """For the environment: addresses, and credentials that are good there alone."""

    @classmethod
    def here(cls, variables: dict[str, str]) -> Emulators:
        """Those that this process runs."""
        me = psutil.Process()
        return cls(pid=me.pid, started=me.create_time(), variables=variables)

    @classmethod
    def noted(cls) -> Emulators | None:
        """Those that were noted last, running or not; None: none were, or the note cannot be read."""
        try:
            return cls.model_validate_json((rehearsal_dir() / NOTE).read_text())
        except (FileNotFoundError, ValidationError):
            return None

    def save(self) -> Path:
        """Note them, for `begin`."""
        path = private_dir(rehearsal_dir()) / NOTE
        write_private(path, self.model_dump_json(indent=2) + "\n")
        return path

    @property
    def alive(self) -> bool:
        """Whether they still run."""
        try:
            return abs(psutil.Process(self.pid).create_time() - self.started) < 1
        except psutil.NoSuchProcess:
            return False


def rehearsal_dir() -> Path:
    """The state folder of rehearsals, below that of the real thing; within a rehearsal, its own."""
    here = state_dir()
    return here if (here / NOTE).exists() else here / "rehearsal"


def rehearsing() -> bool:
    """Whether this is a rehearsal."""
    return (state_dir() / NOTE).exists()


def begin() -> Emulators:
    """Turn this process to the emulators for good: its state, its cache and its credentials are the rehearsal's.

    Raises:
        ConfigError: they do not run, or what is noted of them leads away from this machine.
    """
    folder = rehearsal_dir()
    emulators = _running()
    _check_addresses(emulators.variables)
    cache = cache_dir() if folder == state_dir() else cache_dir() / "rehearsal"
    for name in [name for name in os.environ if name.startswith(REAL)]:
        del os.environ[name]
    os.environ.update(
        {**NOWHERE, **emulators.variables, "ZEPHYR_STATE_DIR": str(folder), "ZEPHYR_CACHE_DIR": str(cache)}
    )
    return emulators


def _running() -> Emulators:
    emulators = Emulators.noted()
    if emulators is None:
        raise ConfigError("the emulated clouds of a rehearsal are not running", hint=START)
    if not emulators.alive:
        raise ConfigError("the emulated clouds of a rehearsal have ended", hint=START)
    return emulators


def _check_addresses(variables: dict[str, str]) -> None:
    for name in ADDRESSES:
        host = urlsplit(variables.get(name, "")).hostname
        if host not in {"127.0.0.1", "localhost", "::1"}:
            said = f"{name} of a rehearsal is {variables[name]}" if name in variables else f"a rehearsal has no {name}"
            raise ConfigError(f"{said}: it could reach a real account", hint=START)
