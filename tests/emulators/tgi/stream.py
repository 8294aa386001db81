"""Server-sent events at the script's pace, whole or broken off as it says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from aiohttp import web
from emulators.tgi import wire
from emulators.tgi.script import BREAKS_STREAMS, Script


class Stream:
    """One open stream. `run` ends it cleanly; it raises what an early leaving of the client raises."""

    def __init__(self, script: Script, request: web.Request, body: dict[str, Any]) -> None:
        self.response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
        self._script, self._request, self._body = script, request, body
        self._answer = script.answer(body)

    async def run(self) -> web.StreamResponse:
        """Status 200 whatever comes: an error is an event."""
        await self.response.prepare(self._request)
        refusal = None if self._script.fault == "generation" else self._script.refusal(self._body)
        await (self._openai if self._request.path.startswith("/v1/") else self._native)(refusal)
        return self.response

    async def _native(self, refusal: wire.Refusal | None) -> None:
        """TGI's own stream."""
        if refusal:
            return await self._event(refusal[1])
        async for number, (text, special), last in self._paced():
            if await self._breaks(number, wire.REFUSALS["generation"][1]):
                return None
            final = self._script.final(self._answer) if last else None
            await self._event(wire.token_event(number, text, special=special, final=final))
        if self._script.fault == "done":
            await self.response.write(wire.DONE)
        return None

    async def _openai(self, refusal: wire.Refusal | None) -> None:
        """OpenAI's stream as TGI writes it; every error says 422, whatever it is."""
        if refusal:
            await self._event({"error": {"message": refusal[1]["error"], "http_status_code": 422}})
            return await self.response.write(wire.DONE)
        async for number, (text, special), last in self._paced():
            if await self._breaks(number, {"error": {"message": wire.OOM, "http_status_code": 422}}):
                return await self.response.write(wire.DONE) if self._script.fault == "generation" else None
            await self._event(self._chunk("" if special else text, self._answer.finish if last else None))
        if (self._body.get("stream_options") or {}).get("include_usage"):
            await self._event({**self._chunk("", None), "choices": [], "usage": wire.usage(self._answer)})
        return await self.response.write(wire.DONE)

    async def _event(self, data: object) -> None:
        await self.response.write(wire.event(data))

    def _chunk(self, text: str, finish: str | None) -> dict[str, Any]:
        return wire.chunk(self._script.model_id, text, finish, chat="chat" in self._request.path)

    async def _breaks(self, number: int, error: dict[str, Any]) -> bool:
        """Whether the stream stops before this token, and how: with ``error``, with rubbish, cut, or cleanly."""
        fault = self._script.fault
        if number <= self._script.fault_after or fault not in BREAKS_STREAMS:
            return False
        if fault == "generation":
            await self._event(error)
        elif fault == "malformed":
            await self.response.write(b'data: {"index":3,"tok\n\n')
        elif fault == "not_utf8":
            await self.response.write(b'data: {"index":3,"token":"\xff"}\n\n')
        elif fault == "cut" and self._request.transport is not None:
            self._request.transport.abort()
        return True

    async def _paced(self) -> AsyncIterator[tuple[int, tuple[str, bool], bool]]:
        """Number, token and whether it is the last, each when its time has come."""
        events = self._answer.events()
        if self._script.fault == "hung":
            await self._wait(3600)
        for number, event in enumerate(events, start=1):
            await self._wait(self._script.itl_s if number > 1 else self._script.ttft_s)
            yield number, event, number == len(events)

    async def _wait(self, seconds: float) -> None:
        """Wait, with a comment after every silence of `keep_alive_s`."""
        while seconds > self._script.keep_alive_s:
            await asyncio.sleep(self._script.keep_alive_s)
            await self.response.write(wire.KEEP_ALIVE)
            seconds -= self._script.keep_alive_s
        if seconds > 0:
            await asyncio.sleep(seconds)
