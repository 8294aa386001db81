"""A server that answers the n-th request with the n-th list of steps: bytes to send, seconds to wait, or `CLOSE`."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

from bench_asks import asked

from zephyr_deploy.bench.spec import BenchSpec
from zephyr_deploy.bench.wire.client import open_wire
from zephyr_deploy.endpoint.types import Endpoint

CLOSE = "close"
RESET = "reset"
UNREAD = "unread"
"""First of an answer's steps: answer before the body is read."""


class Server:
    def __init__(self, *answers):
        self.answers, self.requests, self.connections, self.closed = list(answers), [], 0, 0

    async def handle(self, reader, writer):
        self.connections += 1
        try:
            while await self._one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.closed += 1
            writer.close()

    async def _one(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        answer = self.answers[len(self.requests) % len(self.answers)]
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        body = b"" if answer[0] == UNREAD else await reader.readexactly(length)
        self.requests.append((head, body))
        for step in answer:
            if step in {CLOSE, RESET}:
                if step == RESET:
                    writer.transport.abort()
                return False
            if isinstance(step, bytes):
                writer.write(step)
                await writer.drain()
            elif step != UNREAD:
                await asyncio.sleep(step)
        return True


@asynccontextmanager
async def serving(*answers, tls=None):
    server = Server(*answers)
    listener = await asyncio.start_server(server.handle, "127.0.0.1", 0, ssl=tls)
    try:
        yield server, listener.sockets[0].getsockname()[1]
    finally:
        listener.close()


def endpoint_at(url, **more):
    return Endpoint(name="scripted", url=url, engine="tgi", model_id="some/model", **more)


def sent(*answers, count=None, prompt="hello", deadline_s=20.0, client="openai", pause_s=0.0):
    """Send requests one after the other: (server, samples)."""

    async def inner():
        async with serving(*answers) as (server, port):
            spec = BenchSpec(client=client)
            async with open_wire(endpoint_at(f"http://127.0.0.1:{port}"), spec) as load:
                samples = []
                for _ in range(len(answers) if count is None else count):
                    samples.append(await asked(load, prompt, deadline_s))
                    await asyncio.sleep(pause_s)
                await load.settle()
            await asyncio.sleep(0.05)
            return server, samples

    return asyncio.run(inner())
