"""Who vouches for an exposed endpoint: Caddy's own authority on the node, brought here over the pinned connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.deploy.find import service_of
from zephyr_deploy.deploy.fleet import LOOK_S, Fleet
from zephyr_deploy.errors import ConfigError, UnhealthyError
from zephyr_deploy.events import Phases
from zephyr_deploy.node.knownhosts import write_private
from zephyr_deploy.paths import deployment_dir, private_dir
from zephyr_deploy.providers.nodes.record import record_of

if TYPE_CHECKING:
    from pathlib import Path

    from zephyr_deploy.providers.base import Service

FILE = "ca.pem"


def exposed(name: str | None = None) -> Service:
    """The service of that name, which others can reach.

    Raises:
        NotDeployedError, UsageError: as `service_of`.
        ConfigError: nobody else can reach it.
    """
    service = service_of(name)
    if service.public_url is None:
        hint = "Expose it: `zephyr-deploy up` with --expose NAME-OR-ADDRESS."
        raise ConfigError(f"{service.name} is private: it has no public address", hint=hint)
    return service


def authority_of(service: Service) -> Path | None:
    """A file with the certificate by which clients know the endpoint; None where a public authority vouches for it.

    Raises:
        UnreachableError: the node does not answer.
        UnhealthyError: its gateway has made none.
    """
    record = record_of(service.name)
    if record is None or service.tls != "internal":
        return None
    with Fleet.of(record, Phases()) as fleet:
        entry = fleet.gateway or fleet.members[0]
        fleet.connect(members=[entry])
        pem = str(entry.call("authority", {"name": service.name}, deadline_s=LOOK_S)["pem"])
    if not pem:
        raise UnhealthyError(f"the gateway of {service.name} has no certificate yet", hint="zephyr-deploy status")
    path = private_dir(deployment_dir(service.name)) / FILE
    write_private(path, pem)
    return path
