"""A server that answers by a script, in the loop of the client under test: how it answers counts, not when.

For times there is the ground-truth server (tests/bench/truth.py), which needs a C compiler.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass, field


@dataclass
class Script:
    """How to answer; ``behaviours`` are taken in the order in which requests arrive, again and again."""

    behaviours: list[str] = field(default_factory=lambda: ["ok"])
    itl_s: float = 0.0
    events: int = 4
    keep_alive_comment: bool = True


REFUSALS = {
    "429": (429, "Too Many Requests", b'{"error":"Model is overloaded","error_type":"overloaded"}'),
    "401": (401, "Unauthorized", b""),
    "500": (500, "Internal Server Error", b"plain text, not JSON"),
}
ROUTES = {"POST /", "POST /generate_stream", "POST /v1/chat/completions"}
OVERLOADED = {"error": "Model is overloaded", "error_type": "overloaded"}
CHAT_OVERLOADED = {"message": "Model is overloaded", "http_status_code": 422}


class ScriptedServer:
    """Speaks enough HTTP/1.1 for chat completions and TGI's stream."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.connections = 0
        self.prompts: list[str] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.tasks.append(asyncio.current_task())
        try:
            while await self._one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lengths = [line.split(":")[1] for line in head.lower().splitlines() if line.startswith("content-length")]
        body = await reader.readexactly(int(lengths[0]) if lengths else 0)
        if head.partition(" HTTP/")[0] not in ROUTES:
            self.connections -= 1  # whoever asks for more than answers does so over connections of its own
            _plain(writer, 404, "Not Found", b"")
            return False
        request = json.loads(body)
        native = "inputs" in request
        prompt = request["inputs"] if native else request["messages"][0]["content"]
        behaviour = self.script.behaviours[len(self.prompts) % len(self.script.behaviours)]
        self.prompts.append(prompt)
        return await self._answer(writer, behaviour, native=native)

    async def _answer(self, writer: asyncio.StreamWriter, behaviour: str, *, native: bool) -> bool:
        if behaviour in REFUSALS:
            _plain(writer, *REFUSALS[behaviour])
            return True
        if behaviour == "silent":
            await asyncio.sleep(60)
        if behaviour in {"silent", "hangup"}:
            return False
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        if not native:
            _event(writer, _chat(""))
        await self._tokens(writer, self.script.events if behaviour == "ok" else 2, native=native)
        if behaviour == "cut":
            return False
        if behaviour == "error_event":
            _event(writer, OVERLOADED if native else {"error": {**CHAT_OVERLOADED}})
        if behaviour == "ok" and not native:
            _event(writer, {"choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "length"}]})
            _event(writer, {"choices": [], "usage": {"prompt_tokens": 11, "completion_tokens": self.script.events}})
        if behaviour != "truncated" and not native:
            _chunk(writer, b"data: [DONE]\n\n")
        writer.write(b"0\r\n\r\n")
        return True

    async def _tokens(self, writer: asyncio.StreamWriter, events: int, *, native: bool) -> None:
        if self.script.keep_alive_comment:
            _chunk(writer, b":\n\n")
        for number in range(1, events + 1):
            if number > 1:
                await asyncio.sleep(self.script.itl_s)
            _event(writer, self._token(number, native=native))
            await writer.drain()

    def _token(self, number: int, *, native: bool) -> dict[str, object]:
        if not native:
            return _chat(f" t{number}")
        last = number == self.script.events
        details = {"finish_reason": "length", "generated_tokens": number, "seed": None, "input_length": 11}
        return {
            "index": number,
            "token": {"id": number, "text": f" t{number}", "logprob": -0.1, "special": False},
            "generated_text": "".join(f" t{n}" for n in range(1, number + 1)) if last else None,
            "details": {**details, "prefill": [], "tokens": []} if last else None,
        }


def _chat(text: str) -> dict[str, object]:
    delta = {"role": "assistant", "content": text}
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": None}], "usage": None}


def _plain(writer: asyncio.StreamWriter, status: int, reason: str, body: bytes) -> None:
    writer.write(f"HTTP/1.1 {status} {reason}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)


def _event(writer: asyncio.StreamWriter, data: dict[str, object]) -> None:
    _chunk(writer, f"data: {json.dumps(data)}\n\n".encode())


def _chunk(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")


@contextlib.asynccontextmanager
async def serving(script: Script):
    """The server on a free port of this process's loop: yields (server, url)."""
    scripted = ScriptedServer(script)
    server = await asyncio.start_server(scripted.handle, "127.0.0.1", 0)
    try:
        yield scripted, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in scripted.tasks:
            task.cancel()
        await asyncio.gather(*scripted.tasks, return_exceptions=True)
