"""TGI's own routes: ``/``, ``/generate`` and ``/generate_stream``."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from zephyr_deploy.engines.llamacpp.gateway.body import read_model
from zephyr_deploy.engines.llamacpp.gateway.context import gateway_of
from zephyr_deploy.engines.llamacpp.gateway.infer import End, generate_all, stream_steps
from zephyr_deploy.engines.llamacpp.gateway.reply import answer, json_response, stream_headers, timing_headers
from zephyr_deploy.engines.llamacpp.gateway.schema import CompatRequest, GenerateRequest
from zephyr_deploy.engines.llamacpp.gateway.sse import EventStream, framed

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from zephyr_deploy.engines.llamacpp.gateway.context import Gateway
    from zephyr_deploy.engines.llamacpp.gateway.tokens import Scored


async def generate(request: Request) -> Response:
    """``POST /generate``: one answer, whole."""
    gateway = gateway_of(request)
    body = await read_model(request, GenerateRequest, limit=gateway.settings.payload_limit)
    return await _whole(gateway, request, body, in_list=False)


async def generate_stream(request: Request) -> EventStream:
    """``POST /generate_stream``: one answer, token by token."""
    gateway = gateway_of(request)
    body = await read_model(request, GenerateRequest, limit=gateway.settings.payload_limit)
    return _stream(gateway, body)


async def compat_generate(request: Request) -> Response | EventStream:
    """``POST /``: either of the two; the whole answer comes in a list of one, with the prompt unless said otherwise."""
    gateway = gateway_of(request)
    body = await read_model(request, CompatRequest, limit=gateway.settings.payload_limit)
    if body.parameters.return_full_text is None:
        body = body.model_copy(update={"parameters": body.parameters.model_copy(update={"return_full_text": True})})
    if body.stream:
        return _stream(gateway, body)
    return await _whole(gateway, request, body, in_list=True)


async def best_of(gateway: Gateway, body: GenerateRequest) -> list[tuple[list[Scored], End]]:
    """Generate as often as asked, the likeliest first; each has a place, a slot and a seed of its own.

    Raises:
        ApiError: Any of them failed; the others are stopped.
    """
    tasks = [asyncio.ensure_future(generate_all(gateway, body)) for _ in range(max(1, body.parameters.best_of or 1))]
    try:
        results = await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
    return sorted(results, key=lambda result: _logprob(result[0]), reverse=True)


def _logprob(tokens: Sequence[Scored]) -> float:
    return sum(scored.token.logprob or 0.0 for scored in tokens)


async def _whole(gateway: Gateway, request: Request, body: GenerateRequest, *, in_list: bool) -> Response:
    async def work() -> Response:
        results = await best_of(gateway, body)
        value = _response(body, results)
        headers = timing_headers([results[0][1]], len(body.inputs))
        return json_response([value] if in_list else value, headers=headers)

    return await answer(gateway, request, work)


def _response(body: GenerateRequest, results: list[tuple[list[Scored], End]]) -> dict[str, Any]:
    (tokens, end), *others = results
    value: dict[str, Any] = {"generated_text": _text(body, end)}
    if not (body.parameters.details or body.parameters.decoder_input_details):
        return value
    prefill = _prefill(end)
    value["details"] = _details(tokens, end, prefill)
    if others:
        value["details"]["best_of_sequences"] = [
            {"generated_text": _text(body, other_end), **_details(other, other_end, prefill)}
            for other, other_end in others
        ]
    return value


def _text(body: GenerateRequest, end: End) -> str:
    return body.inputs + end.text if body.parameters.return_full_text else end.text


def _details(tokens: Sequence[Scored], end: End, prefill: list[dict[str, Any]]) -> dict[str, Any]:
    details: dict[str, Any] = {
        "finish_reason": end.finish_reason,
        "generated_tokens": end.generated_tokens,
        "seed": end.seed,
        "prefill": prefill,
        "tokens": [scored.token.json() for scored in tokens],
    }
    if any(scored.top for scored in tokens):
        details["top_tokens"] = [[top.json() for top in scored.top] for scored in tokens]
    return details


def _prefill(end: End) -> list[dict[str, Any]]:
    """The prompt as ``decoder_input_details`` shows it; llama.cpp gives no logprobs of it."""
    return [{"id": piece.id, "text": piece.data.decode(errors="replace"), "logprob": None} for piece in end.job.pieces]


def _stream(gateway: Gateway, body: GenerateRequest) -> EventStream:
    return EventStream(framed(gateway, _events(gateway, body)), stream_headers(len(body.inputs)))


async def _events(gateway: Gateway, body: GenerateRequest) -> AsyncGenerator[dict[str, Any], None]:
    async with aclosing(stream_steps(gateway, body)) as steps:
        async for step in steps:
            value: dict[str, Any] = {"index": step.index, "token": step.scored.token.json()}
            if step.scored.top:
                value["top_tokens"] = [top.json() for top in step.scored.top]
            value["generated_text"] = _text(body, step.end) if step.end else None
            value["details"] = _stream_details(step.end) if step.end and body.parameters.details else None
            yield value


def _stream_details(end: End) -> dict[str, Any]:
    return {
        "finish_reason": end.finish_reason,
        "generated_tokens": end.generated_tokens,
        "seed": end.seed,
        "input_length": end.prompt_tokens,
    }
