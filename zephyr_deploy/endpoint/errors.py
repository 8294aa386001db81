"""What a refusal of an endpoint means: from an HTTP status and a body to one of our errors. Pure.

The bodies come in the forms of TGI (``{"error": text, "error_type": type}``), of OpenAI and its followers
(``{"error": {"message": text}}``), of FastAPI (``{"detail": text}``), as plain text, as HTML, or empty.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from zephyr_deploy.errors import (
    IncompleteError,
    InvalidRequestError,
    OverloadedError,
    RequestError,
    UnauthorizedError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zephyr_deploy.errors import ZephyrError

INVALID_STATUS = frozenset({400, 413, 415, 422})
INVALID_TYPES = frozenset({"validation", "template_error", "tool_error", "missing_template_variable"})
INCOMPLETE_TYPES = frozenset({"incomplete_generation", "incomplete_generation_stream"})
BROKEN = "Request failed during generation"
"""TGI's words for an engine that broke; its chat stream gives them the status of an invalid request."""
LONGEST_TEXT = 300
"""Characters of a foreign body that a message repeats."""

TOO_LONG = re.compile(
    r"`inputs` must have less than|`inputs` tokens \+ `max_new_tokens` must be"  # TGI
    r"|exceed_context_size|exceeds the available context size"  # llama.cpp
    r"|maximum context length|maximum model length"  # vLLM
    r"|longer than the model's context length|context_length_exceeded"  # SGLang; OpenAI's code
)
"""How the engines say that prompt and answer are too long."""

KEY_HINT = "Name the variable that holds the key with --api-key-env, or let `zephyr-deploy up` make the key."
HINTS: dict[int, str] = {
    403: KEY_HINT,
    404: "This server lacks that route. See what it serves with `zephyr-deploy smoke`.",
    413: "Send a shorter prompt.",
    424: "Find the cause with `zephyr-deploy logs`.",
    500: "Find the cause with `zephyr-deploy logs`.",
    502: "The server behind the proxy does not answer. Look with `zephyr-deploy status`.",
    503: "It may still be loading. Look with `zephyr-deploy status`.",
    504: "Find the cause with `zephyr-deploy logs`.",
}


def error_of(status: int, body: bytes | str) -> RequestError:
    """The error that an HTTP answer with a status other than 200 means."""
    text, error_type = _said(body.decode(errors="replace") if isinstance(body, bytes) else body)
    return error_for(text, status=status, error_type=error_type)


def error_in(event: Mapping[str, Any]) -> RequestError | None:
    """The error that an event of a stream carries; None if it carries none.

    TGI answers every stream with 200 and tells of errors inside it; its chat stream calls each of them 422.
    """
    error = event.get("error")
    if not error:
        return None
    status = error.get("http_status_code") or error.get("code") if isinstance(error, dict) else None
    text, error_type = _said(json.dumps(event))
    return error_for(text, status=status if isinstance(status, int) else None, error_type=error_type)


def error_for(text: str, *, status: int | None, error_type: str | None) -> RequestError:
    """The error for what a server said, by its type where it gave one, else by its words, else by its status."""
    said = text or (f"the endpoint answered {status}" if status else "the endpoint refused the request")
    if status == 401:  # noqa: PLR2004
        message = "the endpoint does not accept the API key" + (f": {text}" if text else "")
        return UnauthorizedError(message, status=401, error_type=error_type, hint=KEY_HINT)
    if status == 429 or error_type == "overloaded" or "is overloaded" in said:  # noqa: PLR2004
        hint = "Try again later, or raise limits.max_concurrent_requests and run `zephyr-deploy up`."
        return OverloadedError(said, status=status, error_type=error_type, hint=hint)
    if error_type in INCOMPLETE_TYPES or said.startswith("Incomplete generation"):
        return IncompleteError(said, status=status, error_type=error_type, hint=HINTS[500])
    if "CUDA out of memory" in said or said.startswith(BROKEN):
        return RequestError(said, status=status, error_type=error_type or "generation", hint=HINTS[424])
    if status in INVALID_STATUS or error_type in INVALID_TYPES:
        return InvalidRequestError(said, status=status, error_type=error_type, hint=_invalid_hint(said))
    return RequestError(said, status=status, error_type=error_type, hint=HINTS.get(status or 500, HINTS[500]))


def is_too_long(error: ZephyrError) -> bool:
    """Whether the endpoint refused a request because prompt and answer do not fit into its context."""
    return isinstance(error, RequestError) and TOO_LONG.search(f"{error.error_type} {error.message}") is not None


def _invalid_hint(text: str) -> str:
    if TOO_LONG.search(text):
        return "Send a shorter prompt or ask for fewer new tokens, or raise limits.max_total_tokens."
    return "Change the request; `zephyr-deploy smoke` shows the limits of the endpoint."


def _said(body: str) -> tuple[str, str | None]:
    """The words and the error type in a body."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return _plain(body), None
    if not isinstance(data, dict):
        return _plain(body), None
    error = data.get("error") or data.get("detail") or data.get("message")
    if isinstance(error, dict):
        kind = error.get("type") or error.get("code")
        return str(error.get("message") or ""), kind if isinstance(kind, str) else None
    kind = data.get("error_type")
    return "" if error is None else str(error), kind if isinstance(kind, str) else None


def _plain(body: str) -> str:
    """Foreign text on one line, without the tags of an HTML page."""
    text = " ".join(re.sub(r"<[^>]*>", " ", body).split())
    return text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT] + "…"
