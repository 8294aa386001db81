"""Causes of failure that no engine owns: Docker, the driver, the GPU, NCCL, the hub and the disk say these themselves.

Each text is from an issue of one of the engines or of NCCL.
"""

from __future__ import annotations

import re

from zephyr_deploy.engines.base import LogCause


def cause(pattern: str, what: str, fix: str, *, weak: bool = False) -> LogCause:
    """A `LogCause` from the text of its pattern."""
    return LogCause(re.compile(pattern), what, fix, weak)


MACHINE = (
    # NVIDIA/nccl#290; TGI #405, #446: Docker gives a container 64 MB of shared memory.
    cause(
        r"creating shared memory segment /dev/shm/nccl-|posix_fallocate failed|signaled to shutdown with signal 7\b",
        "The GPUs' processes ran out of shared memory (/dev/shm).",
        "Give the container more shared memory (--shm-size 1g or more), or set NCCL_SHM_DISABLE=1 in engine.env.",
    ),
    # TGI #904, #1312
    cause(
        r'could not select device driver "" with capabilities: \[\[gpu\]\]',
        "Docker cannot hand GPUs to containers: the NVIDIA container toolkit is missing or not set up.",
        "Run `zephyr-deploy doctor`, install nvidia-container-toolkit, restart Docker, then `zephyr-deploy up`.",
    ),
    # TGI #1391, #1423; the second text is torch's.
    cause(
        r"requirement error: unsatisfied condition: cuda>=|The NVIDIA driver on your system is too old",
        "The NVIDIA driver is too old for the engine's image.",
        "Install a newer driver on the node (TGI 3.3 wants CUDA 12.4 or newer), reboot it, then `zephyr-deploy up`.",
    ),
    # TGI #2037, #2456, #2703, #3342
    cause(
        r"no kernel image is available for execution on the device|FlashAttention only supports Ampere GPUs or newer"
        r"|GPU with CUDA capability . . is not supported|requires a GPU with CUDA capability 8\.0 or later",
        "The engine has no code for this GPU: it is too old or too new.",
        "Choose another machine.gpu: TGI 3.3 is built for compute capability 8.0 to 9.0 (A10G, A100, L4, L40S, H100).",
    ),
    # TGI #869, #1106, #1559, #1838, #2671
    cause(
        r"Watchdog caught collective operation timeout|ProcessGroupNCCL\.cpp|DistBackendError|ncclSystemError",
        "The GPUs cannot speak to each other (NCCL).",
        'Set NCCL_P2P_DISABLE = "1" in engine.env (and NCCL_DEBUG = "INFO" to see more), then `zephyr-deploy up`.',
    ),
    # opea-project/GenAIInfra #100, #641; huggingface/optimum-neuron #535
    cause(
        r"401 Client Error|403 Client Error|Cannot access gated repo|GatedRepoError",
        "The Hugging Face hub refuses the model: it is private or gated, or the token is wrong.",
        "Accept the model's terms on huggingface.co, export HF_TOKEN, then `zephyr-deploy up`.",
    ),
    # TGI #461, #3087
    cause(
        r"No space left on device",
        "The disk is full.",
        "Set machine.disk_gb higher (60 or more for a 7B model and its image), or free space on the node.",
    ),
)
