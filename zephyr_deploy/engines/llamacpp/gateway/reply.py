"""Sending answers: compact JSON, TGI's headers, and an end to work that nobody waits for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import anyio
from starlette.responses import PlainTextResponse, Response

from zephyr_deploy.engines.llamacpp.gateway.errors import ApiError, RejectionError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from starlette.requests import Request
    from starlette.types import Receive

    from zephyr_deploy.engines.llamacpp.gateway.context import Gateway
    from zephyr_deploy.engines.llamacpp.gateway.infer import End

COMPUTE_TYPE = "cpu"
"""Value of ``x-compute-type``."""


def compact(value: Any) -> bytes:
    """JSON as serde writes it: no spaces, UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def json_response(value: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """An answer in JSON."""
    return Response(compact(value), status, headers, media_type="application/json")


def error_response(error: ApiError | RejectionError) -> Response:
    """A refusal, in the form that its kind has."""
    if isinstance(error, RejectionError):
        return PlainTextResponse(error.text, error.status)
    return json_response(error.body(), status=error.status)


def stream_headers(characters: int) -> dict[str, str]:
    """TGI's headers of a stream; ``characters`` is the length of the prompt."""
    return {
        "x-compute-type": COMPUTE_TYPE,
        "x-compute-characters": str(characters),
        "x-accel-buffering": "no",
    }


def timing_headers(ends: Sequence[End], characters: int) -> dict[str, str]:
    """TGI's headers of a whole answer: times in whole milliseconds, except ``x-compute-time`` in seconds.

    Several generations in one answer add up, as TGI does for ``/v1/completions``.
    """
    total = sum(end.timings.total for end in ends)
    inference = sum(end.timings.inference for end in ends)
    generated = sum(end.generated_tokens for end in ends)
    return {
        "x-compute-type": COMPUTE_TYPE,
        "x-compute-time": str(total),
        "x-compute-characters": str(characters),
        "x-total-time": _milliseconds(total),
        "x-validation-time": _milliseconds(sum(end.timings.validation for end in ends)),
        "x-queue-time": _milliseconds(sum(end.timings.queue for end in ends)),
        "x-inference-time": _milliseconds(inference),
        "x-time-per-token": _milliseconds(inference / max(generated, 1)),
        "x-prompt-tokens": str(sum(end.prompt_tokens for end in ends)),
        "x-generated-tokens": str(generated),
    }


def _milliseconds(seconds: float) -> str:
    return str(int(seconds * 1000))


async def disconnected(receive: Receive) -> None:
    """Return when the client has gone; only once its body has been read whole."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def answer(gateway: Gateway, request: Request, work: Callable[[], Awaitable[Response]]) -> Response:
    """Run the work of one generating request: counted, its errors turned into answers, stopped if the client goes."""
    response = Response(status_code=204)  # seen by nobody: it stands only where the client has gone
    async with anyio.create_task_group() as group:

        async def watch() -> None:
            await disconnected(request.receive)
            group.cancel_scope.cancel()

        group.start_soon(watch)
        response = await _counted(gateway, work)
        group.cancel_scope.cancel()
    return response


async def _counted(gateway: Gateway, work: Callable[[], Awaitable[Response]]) -> Response:
    try:
        with gateway.metrics.accounted():
            return await work()
    except ApiError as error:
        return error_response(error)
