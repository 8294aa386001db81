"""A benchmark's load from the machine that serves."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from zephyr_deploy.deploy.known import known
from zephyr_deploy.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zephyr_deploy.bench.onnode.remote import FromNode
    from zephyr_deploy.bench.spec import BenchSpec
    from zephyr_deploy.endpoint.types import Endpoint


@contextmanager
def from_node(endpoint: Endpoint, spec: BenchSpec) -> Iterator[FromNode]:
    """Drives the load from the entry of this deployment: its only machine, its gateway, or its first one.

    Raises:
        UsageError: the deployment is on no machine that is reached over SSH.
        UnreachableError: it does not answer.
    """
    from zephyr_deploy.bench.onnode.remote import FromNode
    from zephyr_deploy.providers.nodes.connect import connect_noted

    record = known(endpoint.name)
    if record is None:
        message = f"{endpoint.name} is not on a machine of its own that --on-node could measure from."
        raise UsageError(message, hint="Leave --on-node out.")
    with connect_noted(record, record.entry) as node:
        yield FromNode(node, endpoint, f"http://127.0.0.1:{record.port}", spec)
