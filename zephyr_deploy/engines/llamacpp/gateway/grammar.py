"""Grammars: from TGI's to llama.cpp's, and the proof that the answer obeys.

llama.cpp with llguidance ignores a grammar that it cannot compile and generates freely, with only a line in its log.
So what can be checked before is checked, and a finished answer that breaks its grammar is an error, not an answer.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zephyr_deploy.engines.llamacpp.gateway.errors import invalid

if TYPE_CHECKING:
    from zephyr_deploy.engines.llamacpp.gateway.schema import Grammar

TYPES = {"null", "boolean", "object", "array", "number", "string", "integer"}
"""The types of JSON Schema."""


@dataclass(frozen=True)
class Compiled:
    """A grammar that is ready: fields for llama.cpp's request, and how to check a finished answer."""

    fields: dict[str, Any]
    pattern: re.Pattern[str] | None = None

    def obeyed_by(self, text: str) -> bool:
        """Whether a finished answer has the form that was asked for."""
        if self.pattern is not None:
            return self.pattern.fullmatch(text) is not None
        try:
            json.loads(text)
        except ValueError:
            return False
        return True


def compile_grammar(grammar: Grammar) -> Compiled:
    """Make a grammar ready for llama.cpp.

    Raises:
        ApiError: It is not a grammar (422, TGI's texts).
    """
    if grammar.type == "regex":
        return _regex(grammar.value)
    return Compiled({"json_schema": _schema(grammar)})


def _regex(value: Any) -> Compiled:
    if not isinstance(value, str):
        raise invalid("grammar is not valid: a regular expression is a string")
    try:
        pattern = re.compile(value)
    except re.error as error:
        raise invalid(f"grammar is not valid: {error}") from error
    escaped = re.sub(r"(?<!\\)((?:\\\\)*)/", r"\1\\/", value).replace("\n", "\\n")
    return Compiled({"grammar": f"%llguidance {{}}\nstart: /{escaped}/"}, pattern)


def _schema(grammar: Grammar) -> dict[str, Any]:
    schema = grammar.value
    if isinstance(schema, str):
        try:
            schema = json.loads(schema)
        except ValueError as error:
            raise invalid(f"grammar is not valid: {error}") from error
    if isinstance(schema, dict) and grammar.type == "json_schema":
        schema = schema.get("schema", schema)
    if not isinstance(schema, dict):
        raise invalid("grammar is not supported")
    _check_types(schema)
    if "properties" not in schema:
        raise invalid("grammar is not valid: Grammar must have a 'properties' field")
    return dict(schema)


def _check_types(schema: Any) -> None:
    if isinstance(schema, list):
        for entry in schema:
            _check_types(entry)
    if not isinstance(schema, dict):
        return
    declared = schema.get("type", [])
    for name in declared if isinstance(declared, list) else [declared]:
        if name not in TYPES:
            raise invalid(f"grammar is not valid: {json.dumps(name)} is not a type of JSON Schema")
    for keyword in ("items", "prefixItems", "anyOf", "oneOf", "allOf", "additionalProperties"):
        _check_types(schema.get(keyword))
    for keyword in ("properties", "$defs", "definitions"):
        named = schema.get(keyword, {})
        if not isinstance(named, dict):
            raise invalid(f"grammar is not valid: {keyword} is not an object")
        _check_types(list(named.values()))
