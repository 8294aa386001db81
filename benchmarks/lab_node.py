"""Nodes of the lab for benchmarks: real machines in containers. They need what `make lab` needs."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

BOOT_AT_ONCE = 3
DATA = "/var/lib/zephyr-deploy/data"
"""Where the weights are on a node."""
USAGE = """
for part in . docker; do
  cat /sys/fs/cgroup/cpuacct/$part/cpuacct.usage 2>/dev/null ||
    awk '/usage_usec/ {print $2 * 1000; ok = 1} END {exit !ok}' /sys/fs/cgroup/$part/cpu.stat 2>/dev/null || echo 0
done
"""
"""CPU time in nanoseconds since the node's boot, as its control groups count it: all of it, and that of containers."""

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lab.node import Node


@contextmanager
def nodes(count: int = 1, *, preload: bool = True) -> Iterator[tuple[list[Node], Path]]:
    """Nodes, started side by side, and an empty folder; the environment points at it and at the lab's hub."""
    from lab.boot import NodeSpec
    from lab.cards import A100
    from lab.plugin import NodeFactory
    from lab.world import Lab

    from zephyr_deploy.events import PhaseHandle, silent
    from zephyr_deploy.plan.embedded import embedded_table
    from zephyr_deploy.providers.local.weights.fetch import local_path, prepare_source

    weights = local_path(prepare_source(embedded_table().default.source(), PhaseHandle("model", silent)))
    lab = Lab.open(weights)
    with tempfile.TemporaryDirectory(prefix="zephyr-bench-") as name:
        folder = Path(name)
        os.environ.update(ZEPHYR_STATE_DIR=f"{name}/state", ZEPHYR_CACHE_DIR=f"{name}/cache", HF_ENDPOINT=lab.hub_url)
        factory = NodeFactory(lab, folder)
        try:
            machines: list[Node] = []
            while len(machines) < count:  # a few at a time: all at once on few processors none is ready in time
                some = min(BOOT_AT_ONCE, count - len(machines))
                machines += factory.many(*[NodeSpec(card=A100, preload=preload)] * some)
            yield machines, folder
        finally:
            factory.remove_all()


def login(*machines: Node) -> list[str]:
    """The options of `up` that lead to these machines; they share the first one's key (see `share_key`)."""
    first = machines[0]
    hosts = [word for machine in machines for word in ("--host", machine.address)]
    trust = ["--trust-on-first-use"] if len(machines) > 1 else ["--host-key", first.host_key_fingerprint]
    return ["--provider", "ssh", *hosts, "--user", first.user, "--identity", str(first.key), *trust]


@dataclass(frozen=True)
class Used:
    """CPU seconds of nodes."""

    engines: float
    """In their containers: engine and Caddy."""
    rest: float
    """Outside of them: sshd, Docker, systemd, and the program that is sent."""

    def __sub__(self, before: Used) -> Used:
        """What was used since ``before``."""
        return Used(self.engines - before.engines, self.rest - before.rest)


def allow(machines: Sequence[Node], processors: float) -> None:
    """Give each of these nodes so much of a processor for itself, all that runs on it included."""
    for machine in machines:
        machine.lab.docker("update", "--cpus", f"{processors:.2f}", machine.name)


def used(machines: Sequence[Node]) -> Used:
    """What these nodes have used since they were started."""
    both = [[float(line) / 1e9 for line in machine.exec(USAGE).stdout.split()] for machine in machines]
    return Used(sum(inside for _, inside in both), sum(whole - inside for whole, inside in both))


def programs(name: str) -> Path:
    """Folder for another program that a benchmark installs, kept from run to run."""
    from lab.places import LAB_DIR, private_dir

    return private_dir(LAB_DIR / "programs") / f"{name}-{platform.python_version()}"


def share_key(machines: list[Node]) -> None:
    """Let the first machine's key into all of them."""
    from lab.node import share_key as share

    share(*machines)
