"""Nodes of the lab for benchmarks: real machines in containers. They need what `make lab` needs."""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

if TYPE_CHECKING:
    from collections.abc import Iterator

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
            yield factory.many(*[NodeSpec(card=A100, preload=preload)] * count), folder
        finally:
            factory.remove_all()


def tool() -> str:
    """The command beside this interpreter."""
    return str(Path(sys.executable).with_name("zephyr-deploy"))


def share_key(machines: list[Node]) -> Path:
    """Let the first machine's key into all of them; its path."""
    public = machines[0].exec("cat /home/ubuntu/.ssh/authorized_keys").stdout
    for machine in machines[1:]:
        machine.exec("cat >> /home/ubuntu/.ssh/authorized_keys", stdin=public)
    return machines[0].key
