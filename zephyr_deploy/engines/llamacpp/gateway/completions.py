"""``POST /v1/completions``: one prompt or several, each an answer of its own."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from zephyr_deploy.engines.llamacpp.gateway.body import read_model
from zephyr_deploy.engines.llamacpp.gateway.context import gateway_of
from zephyr_deploy.engines.llamacpp.gateway.errors import ApiError
from zephyr_deploy.engines.llamacpp.gateway.infer import Step, generate_all, stream_steps
from zephyr_deploy.engines.llamacpp.gateway.merge import merged
from zephyr_deploy.engines.llamacpp.gateway.openai import envelope, finish, sampled, usage
from zephyr_deploy.engines.llamacpp.gateway.reply import (
    answer,
    error_response,
    json_response,
    stream_headers,
    timing_headers,
)
from zephyr_deploy.engines.llamacpp.gateway.schema import CompletionRequest, GenerateRequest, Parameters
from zephyr_deploy.engines.llamacpp.gateway.sse import EventStream, framed, openai_error

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from starlette.requests import Request
    from starlette.responses import Response

    from zephyr_deploy.engines.llamacpp.gateway.context import Gateway

DEFAULT_NEW_TOKENS = 100
"""TGI's length of an answer where ``max_tokens`` is not said."""


async def completions(request: Request) -> Response | EventStream:
    """Complete the prompts, whole or as one stream in which ``index`` tells them apart."""
    gateway = gateway_of(request)
    body = await read_model(request, CompletionRequest, limit=gateway.settings.payload_limit)
    try:
        requests = split(body, gateway.settings.max_client_batch_size)
    except ApiError as error:
        gateway.metrics.refused(error)
        return error_response(error)
    if not body.stream:
        return await answer(gateway, request, lambda: _whole(gateway, requests))
    frames = framed(gateway, _chunks(gateway, requests), on_error=openai_error, done=gateway.settings.done)
    return EventStream(frames, stream_headers(_characters(requests)))


def split(body: CompletionRequest, most: int) -> list[GenerateRequest]:
    """One generation for each prompt.

    Raises:
        ApiError: ``suffix``, or more prompts than ``most`` (422, with TGI's own types).
    """
    if body.suffix is not None:
        text = "Suffix is not supported and can be achieved by preprocessing the prompt."
        raise ApiError(422, "suffix not supported", text, "validation")
    if len(body.prompt) > most:
        text = f"Number of prompts exceeds the maximum allowed batch size of {most}"
        raise ApiError(422, "batch size exceeded", text, "validation")
    parameters = Parameters(
        **sampled(body.temperature),
        repetition_penalty=body.repetition_penalty,
        frequency_penalty=body.frequency_penalty,
        top_p=None if body.top_p == 1.0 else body.top_p,
        max_new_tokens=DEFAULT_NEW_TOKENS if body.max_tokens is None else body.max_tokens,
        stop=body.stop,
        seed=body.seed,
        ignore_eos=body.ignore_eos,
    )
    return [GenerateRequest(inputs=prompt, parameters=parameters) for prompt in body.prompt]


def _characters(requests: list[GenerateRequest]) -> int:
    return sum(len(request.inputs) for request in requests)


async def _whole(gateway: Gateway, requests: list[GenerateRequest]) -> Response:
    tasks = [asyncio.ensure_future(generate_all(gateway, request)) for request in requests]
    try:
        ends = [end for _, end in await asyncio.gather(*tasks)]
    finally:
        for task in tasks:
            task.cancel()
    choices = [_choice(index, end.text, finish(end.finish_reason)) for index, end in enumerate(ends)]
    value = {**envelope(gateway, "text_completion"), "choices": choices, "usage": usage(ends)}
    return json_response(value, headers=timing_headers(ends, _characters(requests)))


async def _chunks(gateway: Gateway, requests: list[GenerateRequest]) -> AsyncGenerator[dict[str, Any], None]:
    streams = [stream_steps(gateway, request) for request in requests]
    async with aclosing(merged(streams)) as steps:
        async for index, step in steps:
            yield _chunk(gateway, index, step)


def _chunk(gateway: Gateway, index: int, step: Step) -> dict[str, Any]:
    token = step.scored.token
    reason = finish(step.end.finish_reason) if step.end else ""  # TGI's: not null
    value = {
        **envelope(gateway, "text_completion"),
        "choices": [_choice(index, "" if token.special else token.text, reason)],
    }
    return value | ({"usage": usage([step.end])} if step.end else {})


def _choice(index: int, text: str, reason: str) -> dict[str, Any]:
    return {"index": index, "text": text, "logprobs": None, "finish_reason": reason}
