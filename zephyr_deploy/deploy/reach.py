"""An endpoint as this machine can reach it: a service on a node through a tunnel of its own, for as long as needed."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from zephyr_deploy.deploy.find import service_of, working
from zephyr_deploy.deploy.known import known
from zephyr_deploy.errors import NotDeployedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from zephyr_deploy.endpoint.types import Endpoint
    from zephyr_deploy.node.tunnel import Tunnel
    from zephyr_deploy.providers.base import Service


@contextmanager
def reached(name: str | None = None) -> Iterator[Endpoint]:
    """The endpoint of that deployment, or of the only one there is, at an address that works from here.

    Raises:
        NotDeployedError, UsageError, UnhealthyError: as `zephyr_deploy.deploy.find.endpoint_of`.
        UnreachableError: the node cannot be reached.
    """
    service = working(service_of(name))
    if service.host is None:
        yield service.endpoint()
        return
    record = known(service.name)
    at_gateway = record is not None and record.gateway is not None
    with tunnelled(service, at_gateway=at_gateway) as endpoint:
        yield endpoint


@contextmanager
def tunnelled(service: Service, *, at_gateway: bool) -> Iterator[Endpoint]:
    """The endpoint of a service on a node, through a tunnel to it, or to the gateway on a machine of its own.

    Raises:
        UnreachableError: that machine cannot be reached.
    """
    with tunnel(service.name, host=None if at_gateway else service.host) as opened:
        yield service.endpoint().model_copy(update={"url": f"http://127.0.0.1:{opened.local_port}"})


def tunnel(
    name: str, *, host: str | None = None, local_port: int = 0, on_state: Callable[[str, str], None] | None = None
) -> Tunnel:
    """A tunnel to the deployment's gateway; enter it to open it.

    Args:
        name: Of the deployment.
        host: Which of its machines, as `Service.host` has it; None: the gateway's, else the first.
        local_port: Where to listen here; 0 takes a free port.
        on_state: Told when the connection is made, lost, and made again.

    Raises:
        NotDeployedError: this user has no note of such a deployment.
    """
    from zephyr_deploy.node.tunnel import Tunnel
    from zephyr_deploy.providers.nodes.connect import connect_noted

    record = known(name)
    if record is None:
        hint = f"Only deployments on machines reached over SSH need one: zephyr-deploy status {name}"
        raise NotDeployedError(f"{name} has no machine to tunnel to", hint=hint)
    address = record.node(host) if host else record.entry
    return Tunnel(
        lambda: connect_noted(record, address),
        record.port,
        local_port=local_port,
        on_state=on_state or (lambda _state, _detail: None),
    )
