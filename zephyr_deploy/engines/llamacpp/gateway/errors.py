"""What the gateway answers when it cannot do what was asked, in TGI's words and bytes.

Two kinds, as in TGI: `ApiError` is a JSON body with ``error`` and ``error_type``; `RejectionError` is plain text, from
before the request was understood. Texts: TGI's ``router/src/validation.rs`` and ``router/src/infer/mod.rs``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zephyr_deploy.errors import RequestError

ENGINE_REFUSED = 400
"""The status with which llama.cpp refuses a request that it understands but cannot run."""


class ApiError(Exception):
    """A refusal or failure that a client can parse.

    Args:
        status: HTTP status where the answer is not a stream.
        error_type: TGI's machine-readable name.
        message: TGI's text.
        label: Value of ``err`` in ``tgi_request_failure``.
    """

    def __init__(self, status: int, error_type: str, message: str, label: str) -> None:
        super().__init__(message)
        self.status = status
        self.error_type = error_type
        self.message = message
        self.label = label

    def body(self) -> dict[str, str]:
        """The JSON of it."""
        return {"error": self.message, "error_type": self.error_type}


class RejectionError(Exception):
    """A request that could not be read: plain text, as axum's extractors answer."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


def invalid(text: str, error_type: str = "validation") -> ApiError:
    """The request breaks a rule (422)."""
    return ApiError(422, error_type, f"Input validation error: {text}", "validation")


def overloaded() -> ApiError:
    """More than ``max_concurrent_requests`` are under way (429)."""
    return ApiError(429, "overloaded", "Model is overloaded", "overloaded")


def failed(text: str) -> ApiError:
    """The engine broke while it generated (424)."""
    return ApiError(424, "generation", f"Request failed during generation: {text}", "generation")


def incomplete(*, stream: bool) -> ApiError:
    """The engine's answer ended before its end (500)."""
    if stream:
        return ApiError(500, "incomplete_generation_stream", "Incomplete generation stream", "incomplete")
    return ApiError(500, "incomplete_generation", "Incomplete generation", "incomplete")


def template_failed(text: str) -> ApiError:
    """The chat template cannot render these messages (422)."""
    return ApiError(422, "template_error", f"Template error: {text}", "template")


def no_tools(text: str) -> ApiError:
    """The request wants tools and there is no honest way to give them (422)."""
    return ApiError(422, "tool_error", f"Tool error: {text}", "validation")


def from_engine(error: RequestError) -> ApiError:
    """What the engine's refusal or failure is in TGI's terms."""
    if error.status == ENGINE_REFUSED:
        return invalid(error.message)
    return failed(error.message)


def unparsable(reason: str) -> RejectionError:
    """The body is not JSON (400)."""
    return RejectionError(400, f"Failed to parse the request body as JSON: {reason}")


def wrong_type(reason: str) -> RejectionError:
    """The body is JSON of another form (422)."""
    return RejectionError(422, f"Failed to deserialize the JSON body into the target type: {reason}")


def not_json() -> RejectionError:
    """The content type is not JSON (415)."""
    return RejectionError(415, "Expected request with `Content-Type: application/json`")


def too_large() -> RejectionError:
    """The body is longer than ``payload_limit`` (413)."""
    return RejectionError(413, "Failed to buffer the request body: length limit exceeded")
