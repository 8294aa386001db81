"""Reading a request's body, with axum's refusals."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect

from zephyr_deploy.engines.llamacpp.gateway.errors import not_json, too_large, unparsable, wrong_type

if TYPE_CHECKING:
    from starlette.requests import Request as HttpRequest

Model = TypeVar("Model", bound=BaseModel)


async def read_model(request: HttpRequest, model: type[Model], *, limit: int) -> Model:
    """Read a body of at most ``limit`` bytes as a ``model``.

    Raises:
        RejectionError: 415, 413, 400 or 422, in plain text.
    """
    media = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media != "application/json" and not (media.startswith("application/") and media.endswith("+json")):
        raise not_json()
    value = _parse(await _read(request, limit))
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise wrong_type(_first_problem(error)) from error


async def _read(request: HttpRequest, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > limit:
                raise too_large()
            parts.append(part)
    except ClientDisconnect as error:
        raise unparsable("the client has gone") from error
    return b"".join(parts)


def _parse(raw: bytes) -> Any:
    try:
        value = json.loads(raw.decode(), parse_constant=_refuse_constant, parse_float=_finite)
        if b"\\u" in raw:  # half of a surrogate pair is JSON, but no text: it cannot be sent on
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise unparsable(str(error)) from error
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError("number out of range")
    return value


def _first_problem(error: ValidationError) -> str:
    problem = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(step) for step in problem["loc"])
    if problem["type"] == "missing":
        return f"missing field `{place}`"
    return f"{place}: {problem['msg']}" if place else problem["msg"]
