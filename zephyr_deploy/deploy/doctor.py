"""`doctor`: what on this machine stands in the way, each with its fix."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import stat
import sys
from typing import TYPE_CHECKING

from zephyr_deploy.deploy.find import services
from zephyr_deploy.deploy.results import Check
from zephyr_deploy.errors import ConfigError
from zephyr_deploy.paths import cache_dir, state_dir
from zephyr_deploy.plan.embedded import embedded_table
from zephyr_deploy.providers.local.preflight import NEEDS
from zephyr_deploy.providers.local.probe import nvidia_gpus, usable_cpus

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

OLDEST_PYTHON = (3, 10)
GIGABYTE = 1e9


def doctor() -> list[Check]:
    """Run every check; none of them changes anything or leaves this machine."""
    return [*(_need(name) for name in NEEDS), *(check() for check in CHECKS)]


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
    free = shutil.disk_usage(place).free
    detail = f"{free / GIGABYTE:.1f} GB free for models in {cache_dir()}"
    if free >= needed:
        return Check(name="disk", verdict="ok", detail=detail)
    fix = f"Free {(needed - free) / GIGABYTE:.1f} GB, or point ZEPHYR_CACHE_DIR at another disk."
    return Check(name="disk", verdict="failed", detail=detail, fix=fix)


def _state() -> Check:
    folder = _nearest_existing(state_dir())
    if not os.access(folder, os.W_OK | os.X_OK):
        fix = f"chown or chmod {folder}, or point ZEPHYR_STATE_DIR elsewhere."
        return Check(name="state folder", verdict="failed", detail=f"{folder} is not writable", fix=fix)
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
    found = services()
    bad = [s for s in found if s.state in {"failed", "unhealthy"}]
    if bad:
        detail = "; ".join(f"{s.name}: {s.detail}" for s in bad)
        return Check(name="deployments", verdict="failed", detail=detail, fix="zephyr-deploy up (repairs), or down")
    return Check(name="deployments", verdict="ok", detail=", ".join(s.name for s in found) or "none")


def _nearest_existing(path: Path) -> Path:
    return next(p for p in (path, *path.parents) if p.exists())


CHECKS: tuple[Callable[[], Check], ...] = (
    _python,
    _disk,
    _state,
    _installer,
    _gpu,
    _deployments,
)
