"""The ways to send a request that a benchmark can take: our own sockets, or the text-generation client."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from zephyr_deploy.bench.load import LoadClient
    from zephyr_deploy.bench.spec import BenchSpec
    from zephyr_deploy.endpoint.types import Endpoint


@asynccontextmanager
async def open_client(endpoint: Endpoint, spec: BenchSpec) -> AsyncIterator[LoadClient]:
    """The client that ``spec`` names, with its connections, which are closed with the body."""
    if spec.client == "tgi":
        from zephyr_deploy.bench.clients.tgi import TgiLoadClient

        yield TgiLoadClient(endpoint, spec)
        return
    from zephyr_deploy.bench.wire.client import open_wire

    async with open_wire(endpoint, spec) as client:
        yield client
