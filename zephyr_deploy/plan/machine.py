"""The facts of a machine that a plan depends on."""

from __future__ import annotations

from zephyr_deploy.spec.deployment import Frozen


class MachineFacts(Frozen):
    """What was found on a machine; every number is what this process may use, not what the hardware has."""

    cpus: int
    """Whole processors, after affinity and the cgroup's quota; at least 1."""
    memory_bytes: int
    """Memory available now, in bytes."""
    gpus: tuple[str, ...] = ()
    """Names of the NVIDIA GPUs, as the driver reports them."""
