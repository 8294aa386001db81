"""Load through our own HTTP path: streamed chat completions over kept connections."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import aiohttp

from zephyr_deploy.bench.clients.chunks import ChatProgress
from zephyr_deploy.endpoint.errors import error_in, error_of
from zephyr_deploy.endpoint.http import CONNECT_S, cut, unreachable
from zephyr_deploy.endpoint.sse import DONE, SseParser
from zephyr_deploy.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import SimpleNamespace

    from zephyr_deploy.bench.sample import Sample
    from zephyr_deploy.bench.spec import BenchSpec
    from zephyr_deploy.endpoint.types import Endpoint

CHAT = "/v1/chat/completions"


def session(endpoint: Endpoint, spec: BenchSpec) -> aiohttp.ClientSession:
    """A session that stamps each request's connection and first byte into the `Sample` of its trace context.

    It keeps a connection for every worker: aiohttp's own limit of 100 would queue the rest inside the client.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=max(spec.concurrency)),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S),
        headers=endpoint.headers(),
        trace_configs=[_stamps()],
    )


def _stamps() -> aiohttp.TraceConfig:
    async def connecting(_session: aiohttp.ClientSession, context: SimpleNamespace, _params: object) -> None:
        context.connecting_ns = time.perf_counter_ns()

    async def connected(_session: aiohttp.ClientSession, context: SimpleNamespace, _params: object) -> None:
        context.trace_request_ctx.connect_ns = time.perf_counter_ns() - context.connecting_ns

    async def sending(_session: aiohttp.ClientSession, context: SimpleNamespace, _params: object) -> None:
        # aiohttp holds the headers back until the body is there and writes both at once, right after this call.
        context.trace_request_ctx.sent_ns = time.perf_counter_ns()

    trace = aiohttp.TraceConfig()
    trace.on_connection_create_start.append(connecting)
    trace.on_connection_create_end.append(connected)
    trace.on_request_chunk_sent.append(sending)
    return trace


class OpenAiLoadClient:
    """One request is one streamed chat completion that ends with its finish reason and ``[DONE]``."""

    def __init__(self, open_session: aiohttp.ClientSession, endpoint: Endpoint, spec: BenchSpec) -> None:
        self._session = open_session
        self._url = endpoint.url + CHAT
        self._body: dict[str, Any] = {
            # TGI takes any other name for a LoRA adapter.
            "model": "tgi" if endpoint.engine in {"tgi", "llamacpp"} else endpoint.model_id,
            "max_tokens": spec.max_new_tokens,
            "temperature": 0.0,
            "stream": True,
            "stream_options": {"include_usage": True},
        }

    async def send(self, prompt: str, sample: Sample) -> None:
        """Send one request and write down its events.

        Raises:
            UnreachableError: no connection.
            RequestError: refused, broken off, or ended early; the subclass says which.
        """
        body = json.dumps({**self._body, "messages": [{"role": "user", "content": prompt}]}).encode()
        post = self._session.post(
            self._url, data=body, headers={"Content-Type": "application/json"}, trace_request_ctx=sample
        )
        with self._our_errors():
            async with post as response:
                if response.status != 200:  # noqa: PLR2004
                    raise error_of(response.status, await response.read())
                await self._read(response.content, ChatProgress(sample))

    async def _read(self, content: aiohttp.StreamReader, answer: ChatProgress) -> None:
        events = SseParser()
        async for piece in content.iter_any():  # to the very end, or the connection could not be used again
            now = time.perf_counter_ns()
            for data in events.feed(piece):
                if data != DONE:
                    answer.take(_parsed(data), now)
        answer.end()

    @contextmanager
    def _our_errors(self) -> Iterator[None]:
        """Turn what aiohttp raises in the body into our errors, as `AsyncTgiClient` does, so that kinds compare."""
        try:
            yield
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise unreachable(self._url, error) from error
        except (aiohttp.ClientPayloadError, aiohttp.ClientConnectionError) as error:
            raise cut(error) from error
        except aiohttp.ClientError as error:
            raise RequestError(f"the request broke: {error}", error_type="broken") from error


def _parsed(data: str) -> dict[str, Any]:
    try:
        chunk = json.loads(data)
    except ValueError as error:
        raise RequestError(f"an event is not JSON: {data[:80]!r}", error_type="malformed") from error
    if not isinstance(chunk, dict):
        raise RequestError(f"an event is not an object: {data[:80]!r}", error_type="malformed")
    failure = error_in(chunk)
    if failure is not None:
        raise failure
    return chunk
