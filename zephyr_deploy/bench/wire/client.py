"""Load through our own sockets: what the kernel stamped is what is reported."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import h11

from zephyr_deploy import __version__
from zephyr_deploy.bench.wire.decode import decode
from zephyr_deploy.bench.wire.dialects import dialect_of
from zephyr_deploy.bench.wire.later import Later
from zephyr_deploy.bench.wire.pool import Pool
from zephyr_deploy.bench.wire.recording import Recording
from zephyr_deploy.bench.wire.shapes import Shapes
from zephyr_deploy.endpoint.userinfo import basic

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from zephyr_deploy.bench.asks import Ask
    from zephyr_deploy.bench.sample import Sample
    from zephyr_deploy.bench.spec import BenchSpec
    from zephyr_deploy.endpoint.types import Endpoint


@asynccontextmanager
async def open_wire(endpoint: Endpoint, spec: BenchSpec) -> AsyncIterator[WireLoadClient]:
    """A client of its own connections, which are closed with the body."""
    pool = Pool(endpoint.url)
    try:
        yield WireLoadClient(pool, endpoint, spec)
    finally:
        pool.close()


class WireLoadClient:
    """One request is one streamed answer that is read to its very end."""

    def __init__(self, pool: Pool, endpoint: Endpoint, spec: BenchSpec) -> None:
        self._pool = pool
        self._dialect = dialect_of(endpoint, spec)
        self._head = _head(endpoint, self._dialect.path)
        self._later = Later(pool.pulse)
        self._shapes = Shapes()

    async def send(self, ask: Ask, sample: Sample) -> None:
        """Send one request. What its answer says is in ``sample`` only after `settle`; a failure may be there, too.

        Failures that show at once are raised, so that a server which refuses at once is not asked without pause.

        Raises:
            UnreachableError: no connection.
            RequestError: refused, broken off, or ended early; the subclass says which.
        """
        body = self._dialect.body(ask)
        request = b"%sContent-Length: %d\r\n\r\n%s" % (self._head, len(body), body)
        connection = await self._pool.take(sample)
        recording = Recording()
        steps = decode(recording, self._dialect.follow(sample), self._shapes)
        try:
            await connection.exchange(request, recording, sample)
        except asyncio.CancelledError:
            self._later.add(steps, sample)  # what a deadline cut off is still looked at
            raise
        self._pool.give(connection)
        if not recording.looks_wrong(self._dialect.end):
            self._later.add(steps, sample)
            return
        for _ in steps:
            pass

    async def read(self, sample: Sample) -> None:
        """Decode the answer to this one request now."""
        self._later.now(sample)

    async def ready(self, unused: int) -> None:
        """Have so many connections open that nobody uses."""
        await self._pool.ready(unused)

    async def settle(self) -> None:
        """Return when the sample of every answer is complete."""
        await self._later.settle()


def _head(endpoint: Endpoint, path: str) -> bytes:
    """The head of every request, up to the length of its body; h11 refuses what would not be one."""
    parts = urlsplit(endpoint.url)
    headers = {
        "Host": parts.netloc.rpartition("@")[2],
        "User-Agent": f"zephyr-deploy/{__version__}",
        "Accept": "text/event-stream, application/json",
        "Accept-Encoding": "identity",
        "Content-Type": "application/json",
    }
    headers.update(basic(endpoint.url) | endpoint.headers())
    head = h11.Connection(h11.CLIENT).send(
        h11.Request(method="POST", target=parts.path.rstrip("/") + path, headers=list(headers.items()))
    )
    return (head or b"").removesuffix(b"\r\n")
