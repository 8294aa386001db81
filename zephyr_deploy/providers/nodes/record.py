"""Which machines a deployment is on: a note of this user, so that `status` and `down` need no flags.

The truth is on the machines. Where this note is lost, zephyr.toml or ``--host`` says where to look.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import ValidationError

from zephyr_deploy.errors import NotDeployedError
from zephyr_deploy.node.address import NodeAddress
from zephyr_deploy.node.knownhosts import write_private
from zephyr_deploy.paths import deployment_dir, is_name, private_dir, state_dir
from zephyr_deploy.spec.base import Frozen, ProviderName

if TYPE_CHECKING:
    from pathlib import Path

FILE = "nodes.json"


class NodesRecord(Frozen):
    """One deployment's machines."""

    name: str
    provider: ProviderName
    nodes: tuple[NodeAddress, ...]
    gateway: NodeAddress | None = None
    """The machine in front of the nodes; None: each node has a gateway on itself."""
    port: int = 8080
    """Of the gateway, on its machine's loopback."""
    host_key: str = ""
    """``SHA256:…`` of the machine's host key, where the machine's cloud keeps it; then no other counts."""
    price_per_hour_usd: float = 0.0
    since: datetime | None = None
    """When its cloud made the machine, and began to bill; None: nobody knows, or it is the user's own."""
    expires: datetime | None = None
    """When its cloud, or whoever cleans up there, ends the machine; None: never, or it is the user's own."""

    @property
    def machines(self) -> tuple[NodeAddress, ...]:
        """The nodes, and then the gateway's machine where it has its own."""
        return (*self.nodes, *((self.gateway,) if self.gateway else ()))

    @property
    def several(self) -> bool:
        """Whether its machines need names that tell them apart."""
        return len(self.machines) > 1

    @property
    def entry(self) -> NodeAddress:
        """The machine that callers reach: the gateway's, else the first."""
        return self.gateway or self.nodes[0]

    def node(self, host: str | None) -> NodeAddress:
        """The machine that is meant: by its address, or by its host name alone; the first node where none is named.

        Raises:
            NotDeployedError: none is called so.
        """
        found = next((a for a in self.machines if host in {None, str(a), a.host}), None)
        if found is None:
            names = ", ".join(str(address) for address in self.machines)
            raise NotDeployedError(f"{self.name} has no machine {host}", hint=f"It has: {names}")
        return found

    def save(self) -> None:
        """Write it.

        Raises:
            CapacityError, ConfigError: it cannot be written.
        """
        folder = private_dir(deployment_dir(self.name))
        write_private(folder / FILE, self.model_dump_json(indent=2) + "\n")


def record_of(name: str) -> NodesRecord | None:
    """The note on that deployment; None where there is none that can be read."""
    return _read(deployment_dir(name) / FILE)


def records(provider: str) -> list[NodesRecord]:
    """The notes on all deployments of one provider."""
    found = [
        _read(path) for path in sorted((state_dir() / "deployments").glob(f"*/{FILE}")) if is_name(path.parent.name)
    ]
    return [record for record in found if record is not None and record.provider == provider]


def _read(path: Path) -> NodesRecord | None:
    with suppress(OSError, ValidationError):
        return NodesRecord.model_validate_json(path.read_bytes())
    return None
