"""What this machine has."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import psutil

from zephyr_deploy.plan.machine import MachineFacts

PROBE_TIMEOUT_S = 10


def probe() -> MachineFacts:
    """The facts of this machine, as this process may use it."""
    return MachineFacts(cpus=usable_cpus(), memory_bytes=psutil.virtual_memory().available, gpus=nvidia_gpus())


def usable_cpus(cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """Processors that this process may keep busy: affinity, cut by the cgroup's CPU quota, at least 1.

    A quota of one and a half processors counts as one: an engine with a thread more than its quota is throttled.
    """
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _cgroup_quota(cgroup)
    return max(1, min(affinity, int(quota) if quota else affinity))


def nvidia_gpus() -> tuple[str, ...]:
    """Names of the NVIDIA GPUs that the driver reports; empty without driver, GPU or answer."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return ()
    command = [program, "--query-gpu=name", "--format=csv,noheader"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=PROBE_TIMEOUT_S, check=True)
    except (subprocess.SubprocessError, OSError):
        return ()
    return tuple(line.strip() for line in answer.stdout.splitlines() if line.strip())


def _cgroup_quota(cgroup: Path) -> float | None:
    """CPUs granted by cgroup v2 (``cpu.max``) or v1 (``cpu.cfs_quota_us``); None where unlimited or unknown."""
    try:
        quota, period = (cgroup / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota = (cgroup / "cpu" / "cpu.cfs_quota_us").read_text().strip()
            period = (cgroup / "cpu" / "cpu.cfs_period_us").read_text().strip()
        except OSError:
            return None
    if quota in {"max", "-1"}:
        return None
    return int(quota) / int(period)
