"""Server-sent events, byte for byte as axum 0.7 writes them."""

from __future__ import annotations

import time
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import anyio

from zephyr_deploy.engines.llamacpp.gateway.errors import ApiError
from zephyr_deploy.engines.llamacpp.gateway.reply import compact, disconnected

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping

    from starlette.types import Receive, Scope, Send

    from zephyr_deploy.engines.llamacpp.gateway.context import Gateway

KEEP_ALIVE_S = 15.0
"""Silence after which a comment is sent, in seconds: axum's default."""
COMMENT = b":\n\n"
DONE = b"data: [DONE]\n\n"


def event(value: Any) -> bytes:
    """One event."""
    return b"data: " + compact(value) + b"\n\n"


def openai_error(error: ApiError) -> dict[str, Any]:
    """TGI's event for an error in a stream of OpenAI's kind: always 422, whatever happened."""
    return {"error": {"message": error.message, "http_status_code": 422}}


async def framed(
    gateway: Gateway,
    values: AsyncGenerator[dict[str, Any], None],
    *,
    on_error: Callable[[ApiError], Any] = ApiError.body,
    done: bool = False,
) -> AsyncGenerator[bytes, None]:
    """Turn the values of one counted request into events; an error becomes the last event, ``done`` adds [DONE]."""
    try:
        with gateway.metrics.accounted():
            async with aclosing(values) as stream:
                async for value in stream:
                    yield event(value)
    except ApiError as error:
        yield event(on_error(error))
    if done:
        yield DONE


class EventStream:
    """An ASGI response that streams events, keeps the connection alive, and stops its source if the client goes."""

    def __init__(
        self,
        frames: AsyncGenerator[bytes, None],
        headers: Mapping[str, str],
        *,
        keep_alive_s: float = KEEP_ALIVE_S,
    ) -> None:
        self._frames = frames
        self._headers = {"content-type": "text/event-stream", "cache-control": "no-cache", **headers}
        self._keep_alive_s = keep_alive_s
        self._due = 0.0

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream."""
        headers = [(key.encode(), value.encode()) for key, value in self._headers.items()]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        async with anyio.create_task_group() as group:

            async def watch() -> None:
                await disconnected(receive)
                group.cancel_scope.cancel()

            group.start_soon(watch)
            group.start_soon(self._keep_alive, send)
            await self._pump(send)
            group.cancel_scope.cancel()

    async def _pump(self, send: Send) -> None:
        async with aclosing(self._frames) as frames:
            await self._send_all(frames, send)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_all(self, frames: AsyncIterator[bytes], send: Send) -> None:
        self._touch()
        async for frame in frames:
            await send({"type": "http.response.body", "body": frame, "more_body": True})
            self._touch()

    async def _keep_alive(self, send: Send) -> None:
        self._touch()
        while True:
            rest = self._due - time.monotonic()
            if rest > 0:
                await anyio.sleep(rest)
                continue
            await send({"type": "http.response.body", "body": COMMENT, "more_body": True})
            self._touch()

    def _touch(self) -> None:
        self._due = time.monotonic() + self._keep_alive_s
