"""Where things are on a node. Everything of one deployment carries its name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

ROOT = Path("/opt/zephyr-deploy")
DATA = Path("/var/lib/zephyr-deploy/data")
"""``HF_HOME`` of every engine: weights are shared between the deployments of a node."""
RUN = Path("/run/zephyr-deploy")
"""On tmpfs: secrets, and the gateway's socket."""
RUNS = Path("/run/zephyr-deploy-runs")
"""On tmpfs, and not of what `down` deletes: the locks that runs hold."""
AUDIT = Path("/var/log/zephyr-deploy")
"""Not of what `down` deletes: it outlives the deployment."""
UNITS = Path("/etc/systemd/system")
FRONT = "gateway"
"""``role`` in the ``release.json`` of a gateway on a machine of its own."""


def model_folder(cache: Path, repo: str) -> Path:
    """Where the hub library keeps a model in a cache (``HF_HOME``)."""
    return cache / "hub" / f"models--{repo.replace('/', '--')}"


def is_front(about: dict[str, Any]) -> bool:
    """Whether a ``release.json`` is of a gateway on a machine of its own, and not of a node."""
    return about.get("role") == FRONT


def release_of(unit: str) -> str:
    """The release that a unit runs, by the unit's name; see `Layout.unit`."""
    return unit.partition("@")[2].rpartition(".")[0]


class Layout:
    """The files and names of one deployment."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.home = ROOT / name
        self.releases = self.home / "releases"
        self.ports = self.home / "ports"
        self.gateway = self.home / "gateway"
        """What Caddy reads: Caddyfile and upstream."""
        self.lock = self.home / "lock"
        self.audit = AUDIT / f"{name}.jsonl"
        self.run_lock = RUNS / f"{name}.lock"
        self.state = self.home / "state.json"
        self.history = self.home / "history.jsonl"
        self.measured = self.home / "measured.jsonl"
        self.gates = self.home / "gates"
        """Reports of the benchmarks that releases were judged by, one file a release."""
        self.run = RUN / name
        self.gateway_unit = f"zephyr-{name}-gateway.service"
        self.gateway_container = f"zephyr-{name}-gateway"

    def release(self, release: str) -> Path:
        """Folder of one release."""
        return self.releases / release

    def unit(self, release: str) -> str:
        """Name of the unit that runs a release."""
        return f"zephyr-{self.name}@{release}.service"

    def container(self, release: str) -> str:
        """Name of the container that a release runs in."""
        return f"zephyr-{self.name}-{release}"
