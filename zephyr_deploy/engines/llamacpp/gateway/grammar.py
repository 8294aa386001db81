"""Grammars: from TGI's to llama.cpp's, and the proof that the answer obeys.

llama.cpp with llguidance ignores a grammar that it cannot compile and generates freely, with only a line in its log.
So the grammar is compiled here too, with the same library, before the engine sees it; and since the engine may carry
another version of it, an answer that breaks its grammar is an error, not an answer.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from zephyr_deploy.engines.llamacpp.gateway.errors import invalid
from zephyr_deploy.engines.llamacpp.gateway.tokens import CUT_CHARACTER

if TYPE_CHECKING:
    from llguidance import LLMatcher, LLTokenizer

    from zephyr_deploy.engines.llamacpp.gateway.schema import Grammar

SCHEMAS = ("items", "prefixItems", "anyOf", "oneOf", "allOf", "additionalProperties")
"""Keywords of JSON Schema that hold a schema or a list of them."""
NAMED_SCHEMAS = ("properties", "patternProperties", "$defs", "definitions")
"""Keywords of JSON Schema that hold schemas by name."""


@dataclass(frozen=True)
class Compiled:
    """A grammar that compiles; ``text`` is in llama.cpp's form for llguidance."""

    text: str

    def allows(self, answer: str, *, finished: bool) -> bool:
        """Whether an answer is what was asked for, or, where it is not ``finished``, may still become it.

        The time is linear in the answer's length, whatever the grammar.
        """
        tokens = _bytes().tokenize_str(answer if finished else answer.rstrip(CUT_CHARACTER))
        matcher = _matcher(self.text)
        if matcher.validate_tokens(tokens) != len(tokens):
            return False
        matcher.consume_tokens(tokens)
        return not finished or matcher.is_accepting()


def compile_grammar(grammar: Grammar) -> Compiled:
    """Make a grammar ready for llama.cpp.

    Raises:
        ApiError: It is not a grammar, or not one that the engine can keep to (422, TGI's texts).
    """
    text = f"%llguidance {{}}\nstart: {_expression(grammar)}"
    matcher = _matcher(text)
    if matcher.is_error():
        raise invalid(f"grammar is not valid: {_reason(matcher.get_error())}")
    return Compiled(text)


@cache
def _bytes() -> LLTokenizer:
    from llguidance import LLTokenizer

    return LLTokenizer("byte")


def _matcher(text: str) -> LLMatcher:
    from llguidance import LLMatcher

    return LLMatcher(_bytes(), text, log_level=0)


def _reason(error: str) -> str:
    """The sentence in llguidance's report, without the place in a text that the caller has never seen."""
    lines = [line.strip() for line in error.splitlines()]
    last = next((line.removeprefix("error: ") for line in lines if line.startswith("error: ")), lines[0])
    return re.sub(r"^at \d+\(\d+\): ", "", last)


def _expression(grammar: Grammar) -> str:
    if grammar.type == "regex":
        return _regex(grammar.value)
    return f"%json {json.dumps(_schema(grammar))}"


def _regex(value: Any) -> str:
    if not isinstance(value, str):
        raise invalid("grammar is not valid: a regular expression is a string")
    escaped = re.sub(r"(?<!\\)((?:\\\\)*)/", r"\1\\/", value).replace("\n", "\\n")
    return f"/{escaped}/"


def _schema(grammar: Grammar) -> dict[str, Any]:
    schema = grammar.value
    try:
        if isinstance(schema, str):
            schema = json.loads(schema)
        if isinstance(schema, dict) and grammar.type == "json_schema":
            schema = schema.get("schema", schema)
        if not isinstance(schema, dict):
            raise invalid("grammar is not supported")
        if "properties" not in schema:
            raise invalid("grammar is not valid: Grammar must have a 'properties' field")
        return _with_objects(schema)
    except (ValueError, RecursionError) as error:
        raise invalid(f"grammar is not valid: {error}") from error


def _with_objects(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with ``"type": "object"`` wherever there are properties and no type.

    TGI (outlines) reads properties as an object; JSON Schema itself would let anything else through as well.
    """
    result = {key: _each(value) if key in SCHEMAS else value for key, value in schema.items()}
    for key in NAMED_SCHEMAS:
        if isinstance(result.get(key), dict):
            result[key] = {name: _each(value) for name, value in result[key].items()}
    return {"type": "object", **result} if "properties" in result else result


def _each(value: Any) -> Any:
    if isinstance(value, list):
        return [_each(entry) for entry in value]
    return _with_objects(value) if isinstance(value, dict) else value
