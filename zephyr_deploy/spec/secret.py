"""The one type of every secret: it prints ``[REDACTED]``, whoever prints it and however."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, SecretStr

REDACTED = "[REDACTED]"


class Secret(SecretStr):
    """Text that is shown to nobody; `get_secret_value` gives it to whoever has to send it."""

    def __repr__(self) -> str:
        return f"Secret({REDACTED})"

    def __str__(self) -> str:
        return REDACTED


def _ours(value: Any) -> Any:
    """Pydantic's own type becomes ours."""
    return Secret(value.get_secret_value()) if type(value) is SecretStr else value


SecretField = Annotated[
    Secret, BeforeValidator(_ours), PlainSerializer(lambda _secret: REDACTED, return_type=str, when_used="json")
]
"""A field that holds a secret: `Secret` in Python, ``[REDACTED]`` in JSON."""
