"""What a node lacks before anything can be served on it; `doctor` shows it, `up` mends what can be mended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.spec.base import Frozen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zephyr_deploy.plan.machine import NodeFacts

OLDEST_DOCKER = (20, 10)
OLDEST_SYSTEMD = 240
"""``Type=exec`` (systemd 240)."""
NEEDED_CUDA = (12, 4)
"""``NVIDIA_REQUIRE_CUDA`` of TGI 3.3's image (nvidia/cuda:12.4.0-base); an older driver cannot run it."""
CAPABILITY = ((8, 0), (9, 0))
"""What TGI 3.3's kernels are built for."""
NODE_DISK_BYTES = 2e9
CLOCK_SKEW_S = 120.0
ARCHITECTURES = {"x86_64"}
"""TGI's images are built for no other."""
NO_GPU = "Take a machine with one, or serve a small model there with --provider local."
PREPARE = "`zephyr-deploy up` prepares it; or run the playbook yourself: zephyr-deploy inventory."


class Lack(Frozen):
    """One thing that is missing; ``preparable`` says whether a playbook can bring it."""

    name: str
    detail: str
    fix: str
    preparable: bool = False
    grave: bool = True
    """False: worth a warning, no more."""


def lacks(facts: NodeFacts, *, now: float) -> list[Lack]:
    """Everything that is missing, in the order in which it would be met.

    Args:
        facts: Of the node.
        now: Seconds since 1970, by this machine's clock.
    """
    return [
        *_processor(facts),
        *_system(facts),
        *_gpu(facts),
        *_docker(facts, gpu=bool(facts.gpus)),
        *_clock(facts, now),
        *_disk(facts),
    ]


def gateway_lacks(facts: NodeFacts, *, now: float) -> list[Lack]:
    """The same for a machine that has the gateway alone: Caddy needs neither GPU nor room, and is built for others."""
    return [*_system(facts), *_docker(facts, gpu=False), *_clock(facts, now)]


def _processor(facts: NodeFacts) -> Iterator[Lack]:
    if facts.architecture not in ARCHITECTURES:
        yield Lack(
            name="processor", detail=f"{facts.architecture}; images are built for x86_64", fix="Take another machine."
        )


def _system(facts: NodeFacts) -> Iterator[Lack]:
    if not facts.systemd:
        fix = "Take a machine that was booted with it: a container or WSL 1 was not."
        yield Lack(name="systemd", detail="the machine does not run systemd", fix=fix)
    elif facts.systemd < OLDEST_SYSTEMD:
        yield Lack(name="systemd", detail=f"systemd {facts.systemd} is too old", fix="Upgrade the system.")
    if not facts.root_writable:
        fix = "Mount it writable on the node: sudo mount -o remount,rw /opt"
        yield Lack(name="/opt", detail="it is on a read-only file system", fix=fix)


def _gpu(facts: NodeFacts) -> Iterator[Lack]:
    for gpu in facts.gpus[:1]:
        capability = version(gpu.compute_capability)
        if capability and not CAPABILITY[0] <= capability <= CAPABILITY[1]:
            detail = f"{gpu.name} has compute capability {gpu.compute_capability}; TGI 3.3 is built for 8.0 to 9.0"
            yield Lack(name="gpu", detail=detail, fix="Try --engine vllm, or another machine.", grave=False)
    if facts.gpus and facts.cuda and version(facts.cuda) < NEEDED_CUDA:
        detail = f"driver {facts.gpus[0].driver} runs CUDA {facts.cuda}; TGI 3.3's image needs 12.4"
        yield Lack(name="driver", detail=detail, fix="Install NVIDIA driver 550 or newer, and reboot the machine.")
    if not facts.gpus and facts.nvidia_devices:
        detail = "there is an NVIDIA GPU, and no driver for it that works"
        yield Lack(name="gpu", detail=detail, fix=PREPARE, preparable=True)
    elif not facts.gpus:
        yield Lack(name="gpu", detail="nvidia-smi finds no NVIDIA GPU", fix=NO_GPU, grave=False)


def _docker(facts: NodeFacts, *, gpu: bool) -> Iterator[Lack]:
    docker = facts.docker
    if docker is None:
        yield Lack(name="docker", detail="Docker is not installed", fix=PREPARE, preparable=True)
        return
    if docker.error:
        yield Lack(name="docker", detail=docker.error, fix="sudo systemctl restart docker, there; then look again.")
        return
    if version(docker.version) < OLDEST_DOCKER:
        yield Lack(name="docker", detail=f"Docker {docker.version} is older than 20.10", fix="Upgrade it.")
    if gpu and not docker.gpu:
        detail = "Docker cannot hand GPUs to containers: the NVIDIA container toolkit is missing"
        yield Lack(name="container toolkit", detail=detail, fix=PREPARE, preparable=True)
    if gpu and docker.cgroup_driver != "cgroupfs":
        detail = f"Docker's cgroup driver is {docker.cgroup_driver}: a daemon-reload may take the GPU from containers"
        yield Lack(name="cgroup driver", detail=detail, fix=PREPARE, preparable=True, grave=False)


def _clock(facts: NodeFacts, now: float) -> Iterator[Lack]:
    skew = facts.clock - now
    if abs(skew) > CLOCK_SKEW_S:
        detail = f"the node's clock is {abs(skew):.0f} s {'ahead' if skew > 0 else 'behind'}: certificates may fail"
        yield Lack(name="clock", detail=detail, fix="sudo timedatectl set-ntp true, there.", grave=False)


def _disk(facts: NodeFacts) -> Iterator[Lack]:
    if facts.disk_free_bytes < NODE_DISK_BYTES:
        detail = f"{facts.disk_free_bytes / 1e9:.1f} GB are free"
        yield Lack(name="disk", detail=detail, fix="Free space there, e.g. docker system prune.", grave=False)


def version(text: str) -> tuple[int, ...]:
    """The first two numbers of a version; empty where there are none."""
    numbers = []
    for part in text.split(".")[:2]:
        digits = "".join(c for c in part if c.isdigit())
        if not digits:
            break
        numbers.append(int(digits))
    return tuple(numbers)
