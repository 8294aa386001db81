"""The server: its routes, its thread, and its record of what came in."""

from __future__ import annotations

import asyncio
import json
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from emulators.tgi import wire
from emulators.tgi.script import Script
from emulators.tgi.stream import Stream

OPEN_GET = {"/", "/health", "/ping", "/info", "/metrics", "/v1/models"}
OPEN_POST = {"/chat_tokenize"}


@dataclass(frozen=True)
class Received:
    """One request as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


class FakeTgi:
    """The server; a context manager. ``script`` may be changed between requests."""

    def __init__(self, script: Script | None = None) -> None:
        self.script = script or Script()
        self.requests: list[Received] = []
        self.gone = 0
        """Clients that left before the end of their stream."""
        self.url = ""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fake-tgi", daemon=True)

    def __enter__(self) -> FakeTgi:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        return self

    def __exit__(self, *_exc: object) -> None:
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def posted(self, path: str) -> Any:
        """The body of the last request to ``path``."""
        return next(request.body for request in reversed(self.requests) if request.path == path)

    async def _start(self) -> None:
        app = web.Application(middlewares=[self._gate])
        for path in ("/", "/generate", "/generate_stream", "/v1/chat/completions", "/v1/completions"):
            app.router.add_post(path, self._generate)
        app.router.add_post("/tokenize", self._tokenize)
        app.router.add_post("/chat_tokenize", self._chat_tokenize)
        for path in ("/", "/health", "/ping"):
            app.router.add_get(path, self._health)
        app.router.add_get("/info", self._info)
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/v1/models", self._models)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    @web.middleware
    async def _gate(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """Records, authorizes and applies the faults that come before any handler."""
        raw = await request.read()
        body: Any = None
        with suppress(ValueError):
            body = json.loads(raw) if raw else None
        self.requests.append(Received(request.method, request.path, dict(request.headers), body))
        is_open = request.path in (OPEN_GET if request.method == "GET" else OPEN_POST)
        if not is_open and not self.script.lets_in(request.headers.get("Authorization", "")):
            return web.Response(status=401)
        if request.method == "POST" and body is None:
            return web.Response(status=400, text=wire.NOT_JSON)
        return await handler(request)

    async def _generate(self, request: web.Request) -> web.StreamResponse:
        body, path = await request.json(), request.path
        early = await self._broken()
        if early is None:
            early = _misshapen(path, body)
        if early is not None:
            return early
        if path == "/generate_stream" or (path != "/generate" and body.get("stream", False)):
            return await self._stream(request, body)
        refusal, answer = self.script.refusal(body), self.script.answer(body)
        if refusal:
            return web.json_response(refusal[1], status=refusal[0])
        await asyncio.sleep(self.script.ttft_s + self.script.itl_s * max(0, len(answer.events()) - 1))
        if path.startswith("/v1/"):
            payload = wire.completion(self.script.model_id, answer, chat="chat" in path)
        else:
            payload = wire.native(answer, details=(body.get("parameters") or {}).get("details", False))
        headers = {"x-prompt-tokens": str(answer.prompt_tokens), "x-generated-tokens": str(len(answer.events()))}
        return web.json_response([payload] if path == "/" else payload, headers=headers)

    async def _stream(self, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        try:
            return await Stream(self.script, request, body).run()
        except (asyncio.CancelledError, ConnectionError):
            self.gone += 1
            raise

    async def _broken(self) -> web.StreamResponse | None:
        """The answers of a server that does not get as far as TGI's own code."""
        match self.script.fault:
            case "silent":
                await asyncio.sleep(3600)
            case "plain_422":
                return web.Response(status=422, text="Failed to deserialize the JSON body into the target type: x")
            case "html_502":
                return web.Response(status=502, text="<html>Bad Gateway</html>", content_type="text/html")
            case "json_without_error":
                return web.json_response({"detail": "Not Found"}, status=404)
        return None

    async def _tokenize(self, request: web.Request) -> web.Response:
        return web.json_response(wire.tokenized(str((await request.json()).get("inputs", ""))))

    async def _chat_tokenize(self, request: web.Request) -> web.Response:
        messages = (await request.json())["messages"]
        turns = [f"{self.script.turn_start}<|{m['role']}|>\n{m['content']}</s>\n" for m in messages]
        text = "".join(turns) + "<|assistant|>\n"
        return web.json_response({"tokenize_response": wire.tokenized(text), "templated_text": text})

    async def _health(self, request: web.Request) -> web.Response:
        await asyncio.sleep(self.script.health_s)
        if self.script.health == 200:
            return web.Response()
        return web.json_response({"error": "unhealthy", "error_type": "healthcheck"}, status=self.script.health)

    async def _info(self, request: web.Request) -> web.Response:
        script = self.script
        return web.json_response(wire.info(script.model_id, script.max_input_tokens, script.max_total_tokens))

    async def _metrics(self, request: web.Request) -> web.Response:
        count = sum(r.method == "POST" for r in self.requests)
        return web.Response(text=f"# TYPE tgi_request_count counter\ntgi_request_count {count}\ntgi_queue_size 0\n")

    async def _models(self, request: web.Request) -> web.Response:
        return web.json_response(wire.models(self.script.model_id))


def _misshapen(path: str, body: dict[str, Any]) -> web.Response | None:
    """What axum refuses before TGI sees it, as text; a null among `stream_options` is one such thing."""
    if path.startswith("/v1/"):
        wrong = "stream_options" in body and body["stream_options"] is None
    else:
        wrong = not isinstance(body.get("inputs"), str)
    return web.Response(status=422, text=wire.NO_INPUTS) if wrong else None
