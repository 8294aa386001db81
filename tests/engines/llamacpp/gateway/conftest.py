"""A llama.cpp server that says what a test tells it to, over real HTTP, and a gateway in front of it."""

import asyncio
import json
import socket
from contextlib import asynccontextmanager

import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from zephyr_deploy.engines.llamacpp.gateway.app import create_app
from zephyr_deploy.engines.llamacpp.settings import ServiceSettings
from zephyr_deploy.engines.llamacpp.upstream import Upstream

BOS, EOS, FIRST_BYTE = 1, 2, 3
SPECIAL = {BOS: "<s>", EOS: "</s>"}
ENGINE_KEY = "engine-key"


class ScriptedEngine:
    """llama.cpp's wire format with a vocabulary of bytes: id 3 is byte 0, and so on; no BOS is added."""

    def __init__(self):
        self.payloads = []
        self.events = []
        self.ids = []
        self.refusal = None
        self.healthy = True
        self.break_off = False
        self.gate = None
        self.running = 0
        self.most_running = 0
        self.dropped = 0
        self.supports_tools = False
        self.pieces_asked = 0
        self.say("Hi")

    def say(self, text, *, stop_type="eos", stopping_word="", logprob=-0.5):
        """Answer with this text, a character an event, in the form recorded from llama.cpp b11549."""
        self.events, predicted = [], 0
        self.ids = [byte + FIRST_BYTE for byte in text.encode()] + ([EOS] if stop_type == "eos" else [])
        for char in text:
            predicted += len(char.encode())
            self.events.append(self.token(char.encode()[-1] + FIRST_BYTE, char, predicted, logprob))
        if stop_type == "eos":
            predicted += 1
            self.events.append(self.token(EOS, "", predicted, logprob))
        self.events.append(self.end(predicted, stop_type, stopping_word))

    @staticmethod
    def token(token, text, predicted, logprob=-0.5):
        top = [{"id": token, "token": text, "bytes": [], "logprob": logprob}]
        top.append({"id": EOS, "token": "", "bytes": [], "logprob": -3.0})
        prob = {"id": token, "token": text, "bytes": [], "logprob": logprob, "top_logprobs": top}
        return {
            "index": 0,
            "content": text,
            "tokens": [token],
            "stop": False,
            "id_slot": -1,
            "tokens_predicted": predicted,
            "tokens_evaluated": 3,
            "completion_probabilities": [prob],
        }

    @staticmethod
    def end(predicted, stop_type="eos", stopping_word=""):
        return {
            "index": 0,
            "content": "",
            "tokens": [],
            "id_slot": 0,
            "stop": True,
            "stop_type": stop_type,
            "stopping_word": stopping_word,
            "tokens_predicted": predicted,
            "tokens_evaluated": 3,
        }

    @asynccontextmanager
    async def upstream(self):
        app = web.Application()
        app.router.add_get("/health", self._health)
        app.router.add_get("/props", self._props)
        for name in ("tokenize", "detokenize", "apply-template", "completion"):
            app.router.add_post(f"/{name}", getattr(self, "_" + name.replace("-", "_")))
        server = TestServer(app)
        await server.start_server(access_log=None)
        try:
            async with Upstream(str(server.make_url("/")), ENGINE_KEY) as upstream:
                yield upstream
        finally:
            await server.close()

    async def _health(self, _request):
        return web.json_response({"status": "ok"}, status=200 if self.healthy else 503)

    async def _props(self, _request):
        return web.json_response({"total_slots": 4, "chat_template_caps": {"supports_tools": self.supports_tools}})

    async def _tokenize(self, request):
        body = await request.json()
        text, ids, pieces = body["content"], [], "with_pieces" in body
        self.pieces_asked += pieces
        while text:
            special = next((i for i, t in SPECIAL.items() if body["parse_special"] and text.startswith(t)), None)
            if special is not None:
                ids.append({"id": special, "piece": SPECIAL[special]})
                text = text[len(SPECIAL[special]) :]
                continue
            ids += [{"id": byte + FIRST_BYTE, "piece": piece(byte)} for byte in text[0].encode()]
            text = text[1:]
        return web.json_response({"tokens": ids if pieces else [entry["id"] for entry in ids]})

    async def _detokenize(self, request):
        raw = b"".join(
            SPECIAL[token].encode() if token in SPECIAL else bytes([token - FIRST_BYTE])
            for token in (await request.json())["tokens"]
        )
        return web.json_response({"content": raw.decode(errors="replace")})

    async def _apply_template(self, request):
        messages = (await request.json())["messages"]
        if any(message["role"] == "nobody" for message in messages):
            error = {"code": 500, "message": "Jinja: no such role", "type": "server_error"}
            return web.json_response({"error": error}, status=500)
        assert all(value is not None for message in messages for value in message.values())
        return web.json_response({"prompt": "".join(f"{m['role']}:{m['content']}\n" for m in messages)})

    async def _completion(self, request):
        assert request.headers["Authorization"] == f"Bearer {ENGINE_KEY}"
        body = await request.json()
        self.payloads.append(body)
        if self.refusal:
            return web.json_response({"error": self.refusal}, status=self.refusal["code"])
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            return await self._reply(request, stream=body["stream"])
        except (ConnectionError, asyncio.CancelledError):
            self.dropped += 1
            raise
        finally:
            self.running -= 1

    async def _reply(self, request, *, stream):
        if stream:
            return await self._stream(request)
        while self.gate and not self.gate.is_set():
            if request.transport is None or request.transport.is_closing():
                raise ConnectionResetError
            await asyncio.sleep(0.005)
        if self.break_off:
            request.transport.abort()
        return web.json_response(self.whole())

    def whole(self):
        """The events as one answer, in the form recorded from llama.cpp b11549."""
        end = self.events[-1] if self.events[-1]["stop"] else {"stop_type": "none", "stopping_word": ""}
        told = [event["completion_probabilities"][0] for event in self.events if "completion_probabilities" in event]
        return {
            "index": 0,
            "content": "".join(event["content"] for event in self.events),
            "tokens": self.ids,
            "stop": True,
            "stop_type": end["stop_type"],
            "stopping_word": end["stopping_word"],
            "tokens_predicted": len(self.ids),
            "tokens_evaluated": 3,
            "completion_probabilities": told,
        }

    async def _stream(self, request):
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for number, event in enumerate(self.events):
            await response.write(b"data: " + json.dumps(event).encode() + b"\n\n")
            if self.gate and number == 0:
                await self._wait(response)
        if self.break_off:
            request.transport.abort()
        return response

    async def _wait(self, response):
        """Ping, as llama.cpp does, until the test opens the gate."""
        while not self.gate.is_set():
            await response.write(b": ping\n\n")
            await asyncio.sleep(0.005)


def piece(byte):
    return chr(byte) if byte < 128 else [byte]


def settings(**changes):
    values = {
        "model_path": "/models/m.gguf",
        "model_id": "org/model",
        "model_sha256": "ab" * 32,
        "max_input_tokens": 20,
        "max_total_tokens": 40,
        **changes,
    }
    return ServiceSettings(**values)


@pytest.fixture
def engine():
    return ScriptedEngine()


@pytest.fixture
def with_gateway(engine):
    """Run an async scenario(client, app) against a gateway in front of the scripted engine."""

    def run(scenario, *, api_key=None, **changes):
        async def main():
            async with engine.upstream() as upstream:
                app = create_app(settings(**changes), upstream, api_key)
                transport = httpx.ASGITransport(app)
                async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
                    return await asyncio.wait_for(scenario(client, app), 20)

        return asyncio.run(main())

    return run


@pytest.fixture
def ask(with_gateway):
    """One request; returns the response."""

    def run(method, path, *, api_key=None, limits=None, **request):
        async def scenario(client, _app):
            return await client.request(method, path, **request)

        return with_gateway(scenario, api_key=api_key, **(limits or {}))

    return run


@pytest.fixture
def post(ask):
    def run(path, body, **options):
        return ask("POST", path, json=body, **options)

    return run


@pytest.fixture
def frames(post):
    """The events of a stream, parsed; [DONE] stays text."""

    def run(path, body, **options):
        response = post(path, body, **options)
        assert response.status_code == 200
        assert response.headers["content-type"] == "text/event-stream"
        assert response.headers["cache-control"] == "no-cache"
        blocks = response.text.split("\n\n")
        assert blocks.pop() == ""
        assert all(block.startswith("data: ") for block in blocks)
        return [block[6:] if block == "data: [DONE]" else json.loads(block[6:]) for block in blocks]

    return run


@pytest.fixture
def unused_url():
    """An address where nobody listens; the port is held, so that nobody will."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}"
