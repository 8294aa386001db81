"""Where and how a benchmark is taken, as far as it shows in the figures: this machine, the way, what serves."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING

from zephyr_deploy.bench.server.view import ClientMachine, ServerMachine

if TYPE_CHECKING:
    from collections.abc import Sequence

CPU_INFO = Path("/proc/cpuinfo")
MODEL_FIELDS = ("model name", "Model", "cpu model")
"""What x86, ARM boards and others call it."""


def this_machine() -> ClientMachine:
    """The machine that measures, as it is now."""
    return ClientMachine(
        system=_system(),
        kernel=platform.release(),
        cpu=_cpu(),
        cores=_cores(),
        python=platform.python_version(),
        load_1min=_load(),
    )


def together(machines: Sequence[ServerMachine], many: int = 1) -> ServerMachine:
    """What several watchers have learned, in one; ``many`` machines share the requests."""
    return ServerMachine(
        engine_version=next((one.engine_version for one in machines if one.engine_version), None),
        gpus=tuple(gpu for one in machines for gpu in one.gpus),
        driver=next((one.driver for one in machines if one.driver), None),
        machines=many,
    )


def _system() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    except OSError:
        return platform.system()


def _cpu() -> str:
    try:
        lines = CPU_INFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    pairs = (line.partition(":") for line in lines)
    found = {key.strip(): value.strip() for key, _, value in pairs}
    return next((found[field] for field in MODEL_FIELDS if found.get(field)), "")


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _load() -> float | None:
    try:
        return os.getloadavg()[0]
    except OSError:
        return None
