"""`doctor`: what on this machine stands in the way, each with its fix."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import stat
import sys
from typing import TYPE_CHECKING

from zephyr_deploy.deploy.find import services_here
from zephyr_deploy.deploy.results import Check
from zephyr_deploy.errors import ConfigError, ZephyrError
from zephyr_deploy.paths import cache_dir, state_dir
from zephyr_deploy.plan.embedded import embedded_table
from zephyr_deploy.providers.local.preflight import NEEDS
from zephyr_deploy.providers.local.probe import nvidia_gpus, usable_cpus

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

OLDEST_PYTHON = (3, 10)
GIGABYTE = 1e9
STATE_BYTES = 1_000_000
"""Room for a deployment's state, in bytes: its release, key and journal are a few thousand, its log grows."""


def doctor() -> list[Check]:
    """Run every check; none of them changes anything or leaves this machine."""
    return [*(_need(name) for name in NEEDS), *(_done(name, check) for name, check in CHECKS.items())]


def _done(name: str, check: Callable[[], Check]) -> Check:
    """What the check found; one that cannot be done has found something too."""
    try:
        return check()
    except ZephyrError as error:
        return Check(name=name, verdict="failed", detail=error.message, fix=error.hint or "")
    except OSError as error:
        detail = f"{error.filename or name}: {error.strerror}"
        return Check(name=name, verdict="failed", detail=detail, fix=f"Look at it with ls -ld {error.filename or '.'}")


def _need(name: str) -> Check:
    try:
        NEEDS[name]()
    except ConfigError as error:
        return Check(name=name, verdict="failed", detail=error.message, fix=error.hint or "")
    return Check(name=name, verdict="ok", detail="as needed")


def _python() -> Check:
    found = platform.python_version()
    if sys.version_info >= OLDEST_PYTHON:
        return Check(name="python", verdict="ok", detail=found)
    return Check(name="python", verdict="failed", detail=found, fix="Install Python 3.10 or newer.")


def _disk() -> Check:
    needed = embedded_table().default.size + embedded_table().default.wheel_size
    place = _nearest_existing(cache_dir())
    if not _is_writable(place):
        return _not_writable("disk", place, "ZEPHYR_CACHE_DIR")
    free = shutil.disk_usage(place).free
    detail = f"{free / GIGABYTE:.1f} GB free for models in {cache_dir()}"
    if free >= needed:
        return Check(name="disk", verdict="ok", detail=detail)
    fix = f"Free {(needed - free) / GIGABYTE:.1f} GB, or point ZEPHYR_CACHE_DIR at another disk."
    return Check(name="disk", verdict="failed", detail=detail, fix=fix)


def _state() -> Check:
    folder = _nearest_existing(state_dir())
    if not _is_writable(folder):
        return _not_writable("state folder", folder, "ZEPHYR_STATE_DIR")
    free = shutil.disk_usage(folder).free
    if free < STATE_BYTES:
        fix = "Make room there, or point ZEPHYR_STATE_DIR at another disk."
        detail = f"the disk of {state_dir()} is full ({free / 1e6:.1f} MB free)"
        return Check(name="state folder", verdict="failed", detail=detail, fix=fix)
    if state_dir().exists() and stat.S_IMODE(state_dir().stat().st_mode) & 0o077:
        detail = f"other users can look into {state_dir()}"
        return Check(name="state folder", verdict="warning", detail=detail, fix=f"chmod 700 {state_dir()}")
    return Check(name="state folder", verdict="ok", detail=str(state_dir()))


def _installer() -> Check:
    if importlib.util.find_spec("pip") is not None:
        return Check(name="package index", verdict="ok", detail="pip finds the stand-in model with its own settings")
    return Check(
        name="package index",
        verdict="warning",
        detail="this Python has no pip, so the stand-in model cannot be looked up",
        fix="python -m ensurepip, or serve a file of your own: zephyr-deploy up --model /path/to/model.gguf",
    )


def _gpu() -> Check:
    gpus = nvidia_gpus()
    found = ", ".join(gpus) or f"none; the embedded engine serves a small model on {usable_cpus()} processors"
    return Check(name="gpu", verdict="ok", detail=found)


def _deployments() -> Check:
    found = services_here()
    bad = [s for s in found if s.state in {"failed", "unhealthy"}]
    if bad:
        detail = "; ".join(f"{s.name}: {s.detail}" for s in bad)
        return Check(name="deployments", verdict="failed", detail=detail, fix="zephyr-deploy up (repairs), or down")
    return Check(name="deployments", verdict="ok", detail=", ".join(s.name for s in found) or "none")


def _nearest_existing(path: Path) -> Path:
    return next(p for p in (path.absolute(), *path.absolute().parents) if os.path.lexists(p))


def _is_writable(place: Path) -> bool:
    return place.is_dir() and os.access(place, os.W_OK | os.X_OK)


def _not_writable(name: str, place: Path, variable: str) -> Check:
    fix = f"chown or chmod {place}, or point {variable} elsewhere."
    return Check(name=name, verdict="failed", detail=f"{place} is not a folder that you may write to", fix=fix)


CHECKS: dict[str, Callable[[], Check]] = {
    "python": _python,
    "disk": _disk,
    "state folder": _state,
    "package index": _installer,
    "gpu": _gpu,
    "deployments": _deployments,
}
