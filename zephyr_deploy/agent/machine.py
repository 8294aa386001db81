"""What a node is: one look, cheap enough for every call."""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from zephyr_deploy.agent import docker
from zephyr_deploy.agent.beside import Beside
from zephyr_deploy.agent.errors import NodeError
from zephyr_deploy.agent.layout import DATA, ROOT
from zephyr_deploy.agent.shell import run

GPU_FIELDS = ("name", "memory.total", "memory.used", "driver_version", "compute_cap")
MIB = 1 << 20
PCI = Path("/sys/bus/pci/devices")
NVIDIA = "0x10de"
CONTROLLER = "0x03"
"""PCI's class of display controllers, of which 3D controllers are a part."""


def look() -> dict[str, Any]:
    """System, processor, memory, disks, GPUs, Docker, clock; never raises for what is missing."""
    release = _os_release()
    # The programs that are asked start side by side: nvidia-smi alone takes up to a second without persistence mode.
    asked = {name: Beside(ask) for name, ask in ASKED.items()}
    kernel = os.uname()
    return {
        "system": release.get("PRETTY_NAME", kernel.sysname),
        "os": release.get("ID", ""),
        "os_version": release.get("VERSION_ID", ""),
        "architecture": kernel.machine,
        "kernel": kernel.release,
        "python": sys.version.split()[0],
        "cpus": len(os.sched_getaffinity(0)),
        "memory_bytes": _memory("MemAvailable"),
        "memory_total_bytes": _memory("MemTotal"),
        "disk_free_bytes": _free(DATA),
        "docker_disk_free_bytes": _free(Path("/var/lib/docker")),
        "root_writable": _writable(ROOT),
        "nvidia_devices": _nvidia_devices(),
        "clock": time.time(),
        **{name: answer.result for name, answer in asked.items()},
    }


def gpus() -> list[dict[str, Any]]:
    """One row a GPU, as the NVIDIA driver tells it; memory in bytes. Empty without a driver."""
    if not shutil.which("nvidia-smi"):
        return []
    done = run(["nvidia-smi", f"--query-gpu={','.join(GPU_FIELDS)}", "--format=csv,noheader,nounits"])
    rows = [[cell.strip() for cell in line.split(",")] for line in done.out.splitlines()] if done.ok else []
    return [
        {
            "name": row[0],
            "memory_bytes": int(row[1]) * MIB,
            "memory_used_bytes": int(row[2]) * MIB,
            "driver": row[3],
            "compute_capability": row[4],
        }
        for row in rows
        if len(row) == len(GPU_FIELDS) and row[1].isdigit() and row[2].isdigit()
    ]


def _nvidia_devices() -> int:
    """How many of NVIDIA's display and 3D controllers are plugged in; a GPU without a driver is one, too."""
    return sum(
        _content(device / "vendor") == NVIDIA and _content(device / "class").startswith(CONTROLLER)
        for device in PCI.glob("*")
    )


def _content(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _cuda() -> str:
    """The newest CUDA that the driver can run, which only nvidia-smi's heading tells."""
    if not shutil.which("nvidia-smi"):
        return ""
    _, found, rest = run(["nvidia-smi"]).out.partition("CUDA Version:")
    return rest.split()[0] if found and rest.split() else ""


def _docker() -> dict[str, Any] | None:
    """Docker's own words; ``error`` where it is there and does not answer, None where there is none."""
    if not Path(docker.SOCKET).exists():
        return {"error": "dockerd does not run"} if shutil.which("docker") else None
    try:
        said = docker.info()
    except NodeError as error:
        return {"error": error.message}
    return {
        "version": said.get("ServerVersion", ""),
        "cgroup_driver": said.get("CgroupDriver", ""),
        "gpu": bool(shutil.which("nvidia-container-runtime-hook") or "nvidia" in said.get("Runtimes", {})),
        "root": said.get("DockerRootDir", ""),
    }


def _os_release() -> dict[str, str]:
    try:
        lines = Path("/etc/os-release").read_text().splitlines()
    except OSError:
        return {}
    pairs = (line.partition("=") for line in lines if "=" in line)
    return {key: value.strip().strip('"') for key, _, value in pairs}


def _systemd() -> int:
    """Version of the running systemd; 0 where the machine was not booted with it (see sd_booted(3))."""
    if not Path("/run/systemd/system").is_dir():
        return 0
    words = run(["systemctl", "--version"]).out.split()
    return int(words[1]) if len(words) > 1 and words[1].isdigit() else 0


def _memory(field: str) -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0]) * 1024
    return 0


def _free(path: Path) -> int:
    """Bytes free for root where ``path`` is, or will be."""
    place = next(p for p in (path, *path.parents) if p.exists())
    found = os.statvfs(place)
    return found.f_bfree * found.f_frsize


def _writable(path: Path) -> bool:
    place = next(p for p in (path, *path.parents) if p.exists())
    return not os.statvfs(place).f_flag & os.ST_RDONLY


ASKED = {"systemd": _systemd, "gpus": gpus, "cuda": _cuda, "docker": _docker}
"""What other programs are asked for."""
