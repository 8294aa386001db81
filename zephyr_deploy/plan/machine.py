"""The facts of a machine that a plan depends on."""

from __future__ import annotations

from pydantic import Field

from zephyr_deploy.spec.base import Frozen


class MachineFacts(Frozen):
    """What was found on this machine; every number is what this process may use, not what the hardware has."""

    cpus: int
    """Whole processors, after affinity and the cgroup's quota; at least 1."""
    memory_bytes: int
    """Memory available now, in bytes."""
    gpus: tuple[str, ...] = ()
    """Names of the NVIDIA GPUs, as the driver reports them."""


class GpuFacts(Frozen):
    """One GPU of a node, as nvidia-smi tells it."""

    name: str
    memory_bytes: int
    memory_used_bytes: int
    driver: str
    compute_capability: str
    """E.g. 8.0 for an A100."""


class DockerFacts(Frozen):
    """The node's Docker Engine; ``error`` where it is installed and does not answer."""

    version: str = ""
    cgroup_driver: str = ""
    gpu: bool = False
    """Whether it can hand GPUs to containers (NVIDIA container toolkit)."""
    root: str = ""
    error: str = ""


class NodeFacts(Frozen):
    """What one look at a node found; see `zephyr_deploy.agent.machine`."""

    system: str
    """For people, e.g. Ubuntu 22.04.5 LTS."""
    os: str
    """``ID`` of os-release(5)."""
    os_version: str
    architecture: str
    kernel: str
    python: str
    systemd: int
    """0: the machine was not booted with systemd."""
    cpus: int
    memory_bytes: int
    memory_total_bytes: int
    disk_free_bytes: int
    """Where weights go."""
    docker_disk_free_bytes: int
    """Where images go."""
    root_writable: bool
    gpus: tuple[GpuFacts, ...] = ()
    nvidia_devices: int = 0
    """GPUs that are plugged in, whether or not a driver knows them."""
    cuda: str = ""
    """Newest CUDA that the driver can run."""
    docker: DockerFacts | None = None
    clock: float = Field(description="Seconds since 1970, by the node's clock.")
