"""The one type of every secret: it prints ``[REDACTED]``, whoever prints it and however."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, SecretStr
from pydantic_core import SchemaSerializer, core_schema

REDACTED = "[REDACTED]"


def _masked(_secret: SecretStr) -> str:
    return REDACTED


_IN_JSON = core_schema.plain_serializer_function_ser_schema(_masked, when_used="json")


class Secret(SecretStr):
    """Text that is shown to nobody; `get_secret_value` gives it to whoever has to send it."""

    __pydantic_serializer__ = SchemaSerializer(core_schema.any_schema(serialization=_IN_JSON))
    """For a secret outside of a model's field."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> core_schema.CoreSchema:
        """Validate as pydantic's own type does, print as we do."""
        return {**super().__get_pydantic_core_schema__(source, handler), "serialization": _IN_JSON}

    def __repr__(self) -> str:
        return f"Secret({REDACTED})"

    def __str__(self) -> str:
        return REDACTED


def _ours(value: Any) -> Any:
    """Pydantic's own type becomes ours."""
    return Secret(value.get_secret_value()) if type(value) is SecretStr else value


SecretField = Annotated[Secret, BeforeValidator(_ours)]
"""A field that holds a secret."""
