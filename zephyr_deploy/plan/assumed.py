"""A machine as it is assumed to be where none is looked at: ready, with the GPUs that were asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.plan.gpus import known_as
from zephyr_deploy.plan.machine import DockerFacts, GpuFacts, NodeFacts

if TYPE_CHECKING:
    from zephyr_deploy.spec.deployment import Deployment

GPU = "NVIDIA A100-SXM4-80GB"
GPU_BYTES, CAPABILITY = 80 * 2**30, "8.0"
"""Of that one, and of a card that nobody knows."""
MIB = 2**20


def assumed_node(deployment: Deployment) -> NodeFacts:
    """Facts that fit the wish: as many GPUs as it asks for, or one; of the kind it names, or A100."""
    count = deployment.engine.num_shard or deployment.machine.gpus or 1
    name = deployment.machine.gpu or GPU
    known = known_as(name)
    gpu = GpuFacts(
        name=name,
        memory_bytes=known.memory_mib * MIB if known else GPU_BYTES,
        memory_used_bytes=0,
        driver="580.0",
        compute_capability=known.compute_capability if known else CAPABILITY,
    )
    return NodeFacts(
        system="a machine nobody looked at",
        os="debian",
        os_version="12",
        architecture="x86_64",
        kernel="",
        python="3.11",
        systemd=252,
        cpus=8,
        memory_bytes=GPU_BYTES,
        memory_total_bytes=GPU_BYTES,
        disk_free_bytes=10**12,
        docker_disk_free_bytes=10**12,
        root_writable=True,
        gpus=(gpu,) * count,
        cuda="13.0",
        docker=DockerFacts(version="28.0", cgroup_driver="cgroupfs", gpu=True, root="/var/lib/docker"),
        clock=0.0,
    )
