"""A scripted text-generation-inference server on loopback: TGI 3.3.7's wire format without a model.

Real HTTP over a real socket, in a thread of its own::

    with FakeTgi(Script(tokens=[" Tokyo", "."], ttft_s=0.05, itl_s=0.01)) as tgi:
        requests.get(tgi.url + "/info")
        tgi.script.fault = "cut"  # from the next request on
        tgi.requests[-1].path, tgi.gone  # what came in; how many clients left before the end

It speaks `/`, `/generate`, `/generate_stream`, `/v1/chat/completions`, `/v1/completions`, `/v1/models`, `/tokenize`,
`/chat_tokenize`, `/info`, `/health`, `/ping` and `/metrics` with TGI's shapes, status codes, headers, error bodies,
authorization rules and server-sent events, keep-alive comments included.

Left out: any model (the answer is the script's, whatever is asked; a token of input is a word), sampling, `best_of`,
`top_n_tokens`, prefill details, grammars, tools, images, LoRA, the queue (only the fault "overloaded" refuses),
metrics beyond two counters, and the Vertex, SageMaker and KServe routes.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import web

Fault = Literal[
    "none",
    "unauthorized",  # 401, empty body, also without a key in the script
    "overloaded",  # 429 JSON; in a stream 200 and an error event
    "validation",  # 422 JSON; in a stream 200 and an error event
    "generation",  # 424 JSON, CUDA out of memory; in a stream after `fault_after` tokens
    "plain_422",  # axum's own refusal: text/plain
    "html_502",  # a proxy in front of a dead router
    "json_without_error",  # a JSON refusal in another server's form
    "truncated",  # the stream ends cleanly, without its last event
    "cut",  # the connection is dropped inside the answer
    "malformed",  # an event that is not JSON
    "done",  # the stream of tokens ends in `data: [DONE]`, as TGI's main branch does
    "hung",  # keep-alive comments, and never a token
    "silent",  # not one byte
]


@dataclass
class Script:
    """How to answer; times in seconds."""

    tokens: list[str] = field(default_factory=lambda: ["The", " capital", " of", " Japan", " is", " Tokyo", "."])
    finish: Literal["length", "eos_token", "stop_sequence"] = "eos_token"
    """Unless `max_new_tokens` cuts the answer first: then `length`."""
    ttft_s: float = 0.0
    itl_s: float = 0.0
    keep_alive_s: float = 15.0
    """Silence before a keep-alive comment in a stream."""
    api_key: str | None = None
    model_id: str = "HuggingFaceH4/zephyr-7b-beta"
    max_input_tokens: int = 100
    max_total_tokens: int = 200
    health: int = 200
    health_s: float = 0.0
    """How long `/health` takes to answer: without limit behind a hung shard."""
    final_text: str | None = None
    """`generated_text` of a stream's last event, where it shall differ from the tokens."""
    turn_start: str = ""
    """Rendered before each turn of a chat; TGI puts blank lines there for Zephyr's own template."""
    fault: Fault = "none"
    fault_after: int = 2
    """How many tokens of a stream come before a fault inside it."""


@dataclass(frozen=True)
class Received:
    """One request as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass(frozen=True)
class _Answer:
    """What one request is answered with."""

    tokens: list[str]
    finish: str
    prompt_tokens: int

    @property
    def text(self) -> str:
        return "".join(self.tokens)

    def events(self) -> list[tuple[str, bool]]:
        """Text and whether it is special, token by token; the end token is a token too."""
        plain = [(text, False) for text in self.tokens]
        return [*plain, ("</s>", True)] if self.finish == "eos_token" else plain


OPEN_GET = {"/", "/health", "/ping", "/info", "/metrics", "/v1/models"}
OPEN_POST = {"/chat_tokenize"}
OOM = "Request failed during generation: Server error: CUDA out of memory. Tried to allocate 2.00 MiB"
REFUSALS: dict[str, tuple[int, dict[str, str]]] = {
    "overloaded": (429, {"error": "Model is overloaded", "error_type": "overloaded"}),
    "validation": (422, {"error": "Input validation error: `inputs` cannot be empty", "error_type": "validation"}),
    "generation": (424, {"error": OOM, "error_type": "generation"}),
}


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
        if not is_open and not self._authorized(request):
            return web.Response(status=401)
        if request.method == "POST" and body is None:
            return web.Response(status=400, text="Failed to parse the request body as JSON: EOF while parsing a value")
        return await handler(request)

    def _authorized(self, request: web.Request) -> bool:
        if self.script.fault == "unauthorized":
            return False
        key = self.script.api_key
        # TGI compares in lower case, so that a key in the wrong case passes.
        return key is None or request.headers.get("Authorization", "").lower() == f"bearer {key}".lower()

    async def _generate(self, request: web.Request) -> web.StreamResponse:
        body, path = await request.json(), request.path
        streamed = path == "/generate_stream" or (path != "/generate" and body.get("stream", False))
        early = await self._broken(request)
        if early is not None:
            return early
        chat = path.startswith("/v1/")
        if (chat and "stream_options" in body and body["stream_options"] is None) or (
            not chat and not isinstance(body.get("inputs"), str)
        ):
            text = "Failed to deserialize the JSON body into the target type: missing field `inputs`"
            return web.Response(status=422, text=text)
        refusal, answer = self._refusal(body), self._answer(body)
        if streamed:
            return await (self._openai_stream if chat else self._stream)(request, answer, refusal)
        if refusal:
            return web.json_response(refusal[1], status=refusal[0])
        await asyncio.sleep(self.script.ttft_s + self.script.itl_s * max(0, len(answer.events()) - 1))
        payload = self._completion(path, answer) if chat else _native(answer, body)
        headers = {"x-prompt-tokens": str(answer.prompt_tokens), "x-generated-tokens": str(len(answer.events()))}
        return web.json_response([payload] if path == "/" else payload, headers=headers)

    async def _broken(self, request: web.Request) -> web.StreamResponse | None:
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
            case _:
                return None
        return None

    def _refusal(self, body: dict[str, Any]) -> tuple[int, dict[str, str]] | None:
        if self.script.fault in {"overloaded", "validation", "generation"}:
            return REFUSALS[self.script.fault]
        problem = self._problem(body)
        return (422, {"error": f"Input validation error: {problem}", "error_type": "validation"}) if problem else None

    def _problem(self, body: dict[str, Any]) -> str | None:
        given, limit, total = _prompt_tokens(body), self.script.max_input_tokens, self.script.max_total_tokens
        params = body.get("parameters") or {}
        wanted = params.get("max_new_tokens") or body.get("max_tokens") or 1
        top_p = params.get("top_p", body.get("top_p"))
        if body.get("inputs") == "":
            return "`inputs` cannot be empty"
        if top_p is not None and not 0 < top_p < 1:
            return "`top_p` must be > 0.0 and < 1.0"
        if given > limit:
            return f"`inputs` must have less than {limit} tokens. Given: {given}"
        if given + min(wanted, 1024) > total:
            return (
                f"`inputs` tokens + `max_new_tokens` must be <= {total}. "
                f"Given: {given} `inputs` tokens and {wanted} `max_new_tokens`"
            )
        return None

    def _answer(self, body: dict[str, Any]) -> _Answer:
        wanted = (body.get("parameters") or {}).get("max_new_tokens") or body.get("max_tokens")
        tokens = self.script.tokens
        if wanted is not None and wanted < len(tokens):
            return _Answer(tokens[:wanted], "length", _prompt_tokens(body))
        return _Answer(tokens, self.script.finish, _prompt_tokens(body))

    async def _stream(
        self, request: web.Request, answer: _Answer, refusal: tuple[int, dict[str, str]] | None
    ) -> web.StreamResponse:
        """TGI's own stream: always 200; an error is an event."""
        async with self._sse(request) as out:
            if refusal and self.script.fault != "generation":
                await out.event(refusal[1])
                return out.response
            async for number, (text, special), last in self._paced(out, answer):
                if self._breaks(out, number):
                    if self.script.fault == "generation":
                        await out.event(REFUSALS["generation"][1])
                    return out.response
                await out.event(
                    _token_event(number, text, special=special, final=self._final(answer) if last else None)
                )
            if self.script.fault == "done":
                await out.send(b"data: [DONE]\n\n")
        return out.response

    def _final(self, answer: _Answer) -> _Answer:
        said = self.script.final_text
        return answer if said is None else _Answer([said], answer.finish, answer.prompt_tokens)

    async def _openai_stream(
        self, request: web.Request, answer: _Answer, refusal: tuple[int, dict[str, str]] | None
    ) -> web.StreamResponse:
        """OpenAI's stream as TGI writes it; every error says 422, whatever it is."""
        async with self._sse(request) as out:
            if refusal and self.script.fault != "generation":
                await out.event({"error": {"message": refusal[1]["error"], "http_status_code": 422}})
                await out.send(b"data: [DONE]\n\n")
                return out.response
            async for number, (text, special), last in self._paced(out, answer):
                if self._breaks(out, number):
                    if self.script.fault == "generation":
                        await out.event({"error": {"message": OOM, "http_status_code": 422}})
                        await out.send(b"data: [DONE]\n\n")
                    return out.response
                await out.event(self._chunk(request.path, "" if special else text, answer.finish if last else None))
            if ((await request.json()).get("stream_options") or {}).get("include_usage"):
                await out.event({**self._chunk(request.path, "", None), "choices": [], "usage": _usage(answer)})
            await out.send(b"data: [DONE]\n\n")
        return out.response

    def _breaks(self, out: _Sse, number: int) -> bool:
        """Whether the stream stops before this token."""
        if number <= self.script.fault_after or self.script.fault not in {
            "truncated",
            "cut",
            "generation",
            "malformed",
        }:
            return False
        if self.script.fault == "cut":
            out.drop()
        if self.script.fault == "malformed":
            out.later(b'data: {"index":3,"tok\n\n')
        return True

    async def _paced(self, out: _Sse, answer: _Answer) -> AsyncIterator[tuple[int, tuple[str, bool], bool]]:
        events = answer.events()
        if self.script.fault == "hung":
            await self._wait(out, 3600)
        for number, event in enumerate(events, start=1):
            await self._wait(out, self.script.itl_s if number > 1 else self.script.ttft_s)
            yield number, event, number == len(events)

    async def _wait(self, out: _Sse, seconds: float) -> None:
        """Wait, with a comment after every silence of `keep_alive_s`."""
        while seconds > self.script.keep_alive_s:
            await asyncio.sleep(self.script.keep_alive_s)
            await out.send(b":\n\n")
            seconds -= self.script.keep_alive_s
        if seconds > 0:
            await asyncio.sleep(seconds)

    @asynccontextmanager
    async def _sse(self, request: web.Request) -> AsyncIterator[_Sse]:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
        await response.prepare(request)
        out = _Sse(request, response)
        try:
            yield out
            await out.flush()
        except (asyncio.CancelledError, ConnectionError):
            self.gone += 1
            raise

    async def _tokenize(self, request: web.Request) -> web.Response:
        text = str((await request.json()).get("inputs", ""))
        return web.json_response(list(_words(text)))

    async def _chat_tokenize(self, request: web.Request) -> web.Response:
        messages = (await request.json())["messages"]
        text = (
            "".join(f"{self.script.turn_start}<|{m['role']}|>\n{m['content']}</s>\n" for m in messages)
            + "<|assistant|>\n"
        )
        return web.json_response({"tokenize_response": list(_words(text)), "templated_text": text})

    async def _health(self, request: web.Request) -> web.Response:
        await asyncio.sleep(self.script.health_s)
        if self.script.health == 200:
            return web.Response()
        return web.json_response({"error": "unhealthy", "error_type": "healthcheck"}, status=self.script.health)

    async def _info(self, request: web.Request) -> web.Response:
        return web.json_response({
            "model_id": self.script.model_id, "model_sha": None, "model_pipeline_tag": "text-generation",
            "max_concurrent_requests": 128, "max_best_of": 2, "max_stop_sequences": 4,
            "max_input_tokens": self.script.max_input_tokens, "max_total_tokens": self.script.max_total_tokens,
            "validation_workers": 2, "max_client_batch_size": 4, "router": "text-generation-router",
            # The image 3.3.7 says this of itself.
            "version": "3.3.6-dev0", "sha": "8d029d2", "docker_label": "sha-8d029d2",
        })  # fmt: skip

    async def _metrics(self, request: web.Request) -> web.Response:
        count = sum(r.method == "POST" for r in self.requests)
        return web.Response(text=f"# TYPE tgi_request_count counter\ntgi_request_count {count}\ntgi_queue_size 0\n")

    async def _models(self, request: web.Request) -> web.Response:
        name = self.script.model_id
        model = {"id": name, "object": "model", "created": 0, "owned_by": name}
        return web.json_response({"object": "list", "data": [model]})

    def _head(self, kind: str) -> dict[str, Any]:
        fingerprint = "3.3.6-dev0-sha-8d029d2"
        return {
            "object": kind, "id": "", "created": 1706270835,
            "model": self.script.model_id, "system_fingerprint": fingerprint,
        }  # fmt: skip

    def _completion(self, path: str, answer: _Answer) -> dict[str, Any]:
        chat = "chat" in path
        said = {"message": {"role": "assistant", "content": answer.text}} if chat else {"text": answer.text}
        choice = {"index": 0, **said, "logprobs": None, "finish_reason": _openai_finish(answer.finish)}
        kind = "chat.completion" if chat else "text_completion"
        return {**self._head(kind), "choices": [choice], "usage": _usage(answer)}

    def _chunk(self, path: str, text: str, finish: str | None) -> dict[str, Any]:
        chat = "chat" in path
        said = {"delta": {"role": "assistant", "content": text}} if chat else {"text": text}
        finished = _openai_finish(finish) if finish else None
        choice = {"index": 0, **said, "logprobs": None, "finish_reason": finished}
        kind = "chat.completion.chunk" if chat else "text_completion"
        return {**self._head(kind), "choices": [choice], "usage": None}


class _Sse:
    """One open event stream."""

    def __init__(self, request: web.Request, response: web.StreamResponse) -> None:
        self.response = response
        self._request = request
        self._rest = b""

    async def event(self, data: object) -> None:
        await self.send(b"data: " + json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode() + b"\n\n")

    async def send(self, data: bytes) -> None:
        await self.response.write(data)

    def later(self, data: bytes) -> None:
        self._rest += data

    async def flush(self) -> None:
        if self._rest:
            await self.response.write(self._rest)

    def drop(self) -> None:
        transport = self._request.transport
        if transport is not None:
            transport.abort()


def _native(answer: _Answer, body: dict[str, Any]) -> dict[str, Any]:
    payload: dict[str, Any] = {"generated_text": answer.text}
    if (body.get("parameters") or {}).get("details"):
        tokens = [_token(number, text, special=special) for number, (text, special) in enumerate(answer.events(), 1)]
        payload["details"] = {
            "finish_reason": answer.finish, "generated_tokens": len(tokens),
            "seed": None, "prefill": [], "tokens": tokens,
        }  # fmt: skip
    return payload


def _token_event(number: int, text: str, *, special: bool, final: _Answer | None) -> dict[str, Any]:
    details = final and {
        "finish_reason": final.finish, "generated_tokens": number, "seed": None, "input_length": final.prompt_tokens,
    }  # fmt: skip
    token = _token(number, text, special=special)
    return {"index": number, "token": token, "generated_text": final.text if final else None, "details": details}


def _token(number: int, text: str, *, special: bool) -> dict[str, Any]:
    return {"id": 2 if special else 1000 + number, "text": text, "logprob": -0.125, "special": special}


def _openai_finish(finish: str) -> str:
    return "stop" if finish == "eos_token" else finish


def _usage(answer: _Answer) -> dict[str, int]:
    made = len(answer.events())
    return {
        "prompt_tokens": answer.prompt_tokens, "completion_tokens": made, "total_tokens": answer.prompt_tokens + made,
    }  # fmt: skip


def _prompt_tokens(body: dict[str, Any]) -> int:
    prompt = body.get("inputs") or body.get("prompt") or ""
    said = [str(prompt), *(str(m.get("content") or "") for m in body.get("messages") or ())]
    return sum(len(text.split()) for text in said)


def _words(text: str) -> Iterator[dict[str, Any]]:
    start = 0
    for number, word in enumerate(text.split()):
        start = text.index(word, start)
        yield {"id": number, "text": word, "start": start, "stop": start + len(word)}
        start += len(word)
