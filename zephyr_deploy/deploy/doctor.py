"""`doctor`: what on this machine stands in the way, each with its fix."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import platform
import shutil
import stat
import sys
from typing import TYPE_CHECKING

from zephyr_deploy.deploy.find import services
from zephyr_deploy.deploy.results import Check
from zephyr_deploy.paths import cache_dir, state_dir
from zephyr_deploy.plan.embedded import embedded_table
from zephyr_deploy.providers.local.probe import nvidia_gpus, usable_cpus

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

OLDEST_PYTHON = (3, 10)
LOCAL_MODULES = ("xllamacpp", "starlette", "uvicorn", "prometheus_client")
GIGABYTE = 1e9


def doctor() -> list[Check]:
    """Run every check; none of them changes anything or leaves this machine."""
    return [check() for check in CHECKS]


def _python() -> Check:
    found = platform.python_version()
    if sys.version_info >= OLDEST_PYTHON:
        return Check(name="python", verdict="ok", detail=found)
    return Check(name="python", verdict="failed", detail=found, fix="Install Python 3.10 or newer.")


def _local_extra() -> Check:
    missing = [name for name in LOCAL_MODULES if importlib.util.find_spec(name) is None]
    if not missing:
        return Check(name="embedded engine", verdict="ok", detail="xllamacpp and the gateway are installed")
    detail = f"missing: {', '.join(missing)}"
    return Check(name="embedded engine", verdict="failed", detail=detail, fix="pip install 'zephyr-deploy[local]'")


def _openmp() -> Check:
    if sys.platform != "linux":
        return Check(name="libgomp", verdict="ok", detail=f"not needed on {sys.platform}")
    try:
        ctypes.CDLL("libgomp.so.1")
    except OSError:
        return Check(
            name="libgomp",
            verdict="failed",
            detail="libgomp.so.1, which the embedded engine needs, is not installed",
            fix="apt-get install libgomp1 (Debian, Ubuntu) or dnf install libgomp (Fedora)",
        )
    return Check(name="libgomp", verdict="ok", detail="libgomp.so.1 loads")


def _processor() -> Check:
    cpus = usable_cpus()
    machine = platform.machine()
    flags = _cpu_flags()
    if machine == "x86_64" and flags and "avx2" not in flags:
        return Check(
            name="processor",
            verdict="failed",
            detail=f"{cpus} x {machine} without AVX2, which the embedded engine is built for",
            fix="Use a machine with an Intel Haswell (2013), AMD Excavator (2015) or newer processor.",
        )
    return Check(name="processor", verdict="ok", detail=f"{cpus} x {machine}")


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
    if gpus:
        return Check(name="gpu", verdict="ok", detail=", ".join(gpus))
    return Check(name="gpu", verdict="ok", detail="none; the embedded engine serves a small model on the processor")


def _deployments() -> Check:
    found = services()
    bad = [s for s in found if s.state in {"failed", "unhealthy"}]
    if bad:
        detail = "; ".join(f"{s.name}: {s.detail}" for s in bad)
        return Check(name="deployments", verdict="failed", detail=detail, fix="zephyr-deploy up (repairs), or down")
    return Check(name="deployments", verdict="ok", detail=", ".join(s.name for s in found) or "none")


def _cpu_flags() -> set[str]:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:  # noqa: PTH123 - a device, not a file
            return next((set(line.split()) for line in lines if line.startswith("flags")), set())
    except OSError:
        return set()


def _nearest_existing(path: Path) -> Path:
    return next(p for p in (path, *path.parents) if p.exists())


CHECKS: tuple[Callable[[], Check], ...] = (
    _python,
    _local_extra,
    _openmp,
    _processor,
    _disk,
    _state,
    _installer,
    _gpu,
    _deployments,
)
