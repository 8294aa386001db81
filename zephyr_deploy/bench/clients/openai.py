"""Load through our own HTTP path: streamed chat completions over kept connections."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import aiohttp

from zephyr_deploy.bench.clients.chunks import ChatProgress
from zephyr_deploy.bench.clients.wire import DataLines, error_in, error_of
from zephyr_deploy.errors import IncompleteError, RequestError, UnreachableError

if TYPE_CHECKING:
    from types import SimpleNamespace

    from zephyr_deploy.bench.sample import Sample
    from zephyr_deploy.bench.spec import BenchSpec
    from zephyr_deploy.endpoint.types import Endpoint

CHAT = "/v1/chat/completions"
CONNECT_S = 10.0


def session(endpoint: Endpoint, spec: BenchSpec) -> aiohttp.ClientSession:
    """A session that stamps each request's connection and first byte into the `Sample` of its trace context.

    It keeps a connection for every worker: aiohttp's own limit of 100 would queue the rest inside the client.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=max(spec.concurrency)),
        timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT_S),
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
        try:
            async with post as response:
                if response.status != 200:  # noqa: PLR2004
                    raise error_of(response.status, await response.text())
                await self._read(response.content, ChatProgress(sample))
        except (aiohttp.ClientConnectorError, aiohttp.ServerTimeoutError) as error:
            raise UnreachableError(f"No connection to {self._url}: {error}.", hint="zephyr-deploy status") from error
        except aiohttp.ClientPayloadError as error:
            raise IncompleteError(f"The connection was cut inside an answer: {error}.") from error
        except aiohttp.ClientError as error:
            raise RequestError(f"The request broke: {error or type(error).__name__}.", error_type="broken") from error

    async def _read(self, content: aiohttp.StreamReader, answer: ChatProgress) -> None:
        lines = DataLines()
        async for data in content.iter_any():  # to the very end, or the connection could not be used again
            now = time.perf_counter_ns()
            for line in lines.feed(data):
                if line != b"[DONE]":
                    answer.take(_parsed(line), now)
        answer.refuse_unfinished()


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        chunk = json.loads(line)
    except ValueError as error:
        raise RequestError(f"An event is not JSON: {line[:80]!r}.", error_type="malformed") from error
    if not isinstance(chunk, dict):
        raise RequestError(f"An event is not an object: {line[:80]!r}.", error_type="malformed")
    failure = error_in(chunk)
    if failure is not None:
        raise failure
    return chunk
