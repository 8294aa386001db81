"""Server-sent events cut out of bytes as they arrive, and the error that a refusal means. Pure."""

from __future__ import annotations

import json
from typing import Any

from zephyr_deploy.errors import InvalidRequestError, OverloadedError, RequestError, UnauthorizedError

INVALID = frozenset({400, 413, 415, 422})


class DataLines:
    """Collects bytes and gives back the ``data:`` of each whole line; comments and other fields are dropped.

    Every server we speak to writes one line an event, so that a line need not wait for the blank one after it.
    """

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The data that ``data`` completes."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [line[5:].strip() for line in lines if line.startswith(b"data:")]


def error_of(status: int, body: str) -> RequestError:
    """What a refusal means: a status and its body, in TGI's form, OpenAI's form, plain text, or empty."""
    message, error_type = _said(body)
    text = message or f"The endpoint answered {status}."
    if status == 401:  # noqa: PLR2004
        return UnauthorizedError(message or "The API key is missing or wrong.", status=status, error_type=error_type)
    if status == 429 or error_type == "overloaded" or "overloaded" in text:  # noqa: PLR2004
        return OverloadedError(text, status=status, error_type=error_type)
    if status in INVALID:
        return InvalidRequestError(text, status=status, error_type=error_type)
    return RequestError(text, status=status, error_type=error_type)


def error_in(chunk: dict[str, Any]) -> RequestError | None:
    """The error that an event of a stream carries, None if it carries none; TGI gives it where the status is 200."""
    error = chunk.get("error")
    if not error:
        return None
    status = error.get("http_status_code") or error.get("code") if isinstance(error, dict) else None
    return error_of(status if isinstance(status, int) else 200, json.dumps(chunk))


def _said(body: str) -> tuple[str, str | None]:
    try:
        data = json.loads(body)
    except ValueError:
        return body.strip()[:300], None
    error = data.get("error") if isinstance(data, dict) else None
    if isinstance(error, dict):
        kind = error.get("type")
        return str(error.get("message", "")), str(kind) if kind else None
    kind = data.get("error_type") if isinstance(data, dict) else None
    return str(error or ""), str(kind) if kind else None
