"""``POST /v1/chat/completions``, in OpenAI's form as TGI writes it."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from zephyr_deploy.engines.llamacpp.gateway.body import read_model
from zephyr_deploy.engines.llamacpp.gateway.context import gateway_of
from zephyr_deploy.engines.llamacpp.gateway.errors import ApiError
from zephyr_deploy.engines.llamacpp.gateway.infer import generate_all, stream_steps
from zephyr_deploy.engines.llamacpp.gateway.openai import envelope, finish, usage
from zephyr_deploy.engines.llamacpp.gateway.prompt import to_generate
from zephyr_deploy.engines.llamacpp.gateway.reply import (
    answer,
    error_response,
    json_response,
    stream_headers,
    timing_headers,
)
from zephyr_deploy.engines.llamacpp.gateway.schema import ChatRequest
from zephyr_deploy.engines.llamacpp.gateway.sse import EventStream, framed, openai_error

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from zephyr_deploy.engines.llamacpp.gateway.context import Gateway
    from zephyr_deploy.engines.llamacpp.gateway.infer import End, Step
    from zephyr_deploy.engines.llamacpp.gateway.schema import GenerateRequest
    from zephyr_deploy.engines.llamacpp.gateway.tokens import Scored


async def chat_completions(request: Request) -> Response | EventStream:
    """Answer a conversation, whole or as a stream.

    As in TGI, a conversation that cannot be rendered is refused with a status even where a stream was asked for;
    every later error is an event of the stream.
    """
    gateway = gateway_of(request)
    chat = await read_model(request, ChatRequest, limit=gateway.settings.payload_limit)
    if not chat.stream:
        return await answer(gateway, request, lambda: _whole(gateway, chat))
    try:
        body = await to_generate(gateway.upstream, chat)
    except ApiError as error:
        gateway.metrics.refused(error)
        return error_response(error)
    frames = framed(gateway, _chunks(gateway, chat, body), on_error=openai_error, done=gateway.settings.done)
    return EventStream(frames, stream_headers(len(body.inputs)))


async def _whole(gateway: Gateway, chat: ChatRequest) -> Response:
    body = await to_generate(gateway.upstream, chat)
    tokens, end = await generate_all(gateway, body)
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": end.text},
        "logprobs": _logprobs(tokens) if chat.logprobs else None,
        "finish_reason": finish(end.finish_reason),
    }
    value = {**envelope(gateway, "chat.completion"), "choices": [choice], "usage": usage([end])}
    return json_response(value, headers=timing_headers([end], len(body.inputs)))


async def _chunks(gateway: Gateway, chat: ChatRequest, body: GenerateRequest) -> AsyncGenerator[dict[str, Any], None]:
    async with aclosing(stream_steps(gateway, body)) as steps:
        async for step in steps:
            yield _chunk(gateway, [_choice(step, logprobs=bool(chat.logprobs))], None)
            if step.end and chat.stream_options and chat.stream_options.include_usage:
                yield _chunk(gateway, [], step.end)


def _chunk(gateway: Gateway, choices: list[dict[str, Any]], end: End | None) -> dict[str, Any]:
    counted = usage([end]) if end else None
    return {**envelope(gateway, "chat.completion.chunk"), "choices": choices, "usage": counted}


def _choice(step: Step, *, logprobs: bool) -> dict[str, Any]:
    token = step.scored.token
    # text-generation 0.7.0 needs role and tool_calls in every delta; OpenAI's clients do not mind them.
    delta = {"role": "assistant", "content": "" if token.special else token.text, "tool_calls": None}
    return {
        "index": 0,
        "delta": delta,
        "logprobs": _logprobs([step.scored]) if logprobs else None,
        "finish_reason": finish(step.end.finish_reason) if step.end else None,
    }


def _logprobs(tokens: Sequence[Scored]) -> dict[str, Any]:
    return {
        "content": [
            {
                "token": scored.token.text,
                "logprob": scored.token.logprob,
                "top_logprobs": [{"token": top.text, "logprob": top.logprob} for top in scored.top],
            }
            for scored in tokens
        ]
    }
