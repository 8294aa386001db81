"""Evaluates GitHub's expressions, ``${{ … }}``, as far as the project's workflows use them.

Left out: brackets, numbers other than whole ones, and most functions. What is not known is an error, and never empty.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>\d+)|(?P<name>[A-Za-z_][\w-]*)|(?P<op>&&|\|\||[=!]=|[().,!*]))"
)
WHOLE = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
WORDS = {"true": True, "false": False, "null": None}


class Expressions:
    """Values by name, and functions, which may depend on how the job goes."""

    def __init__(self, contexts: Mapping[str, Any], status: Mapping[str, Callable[[], bool]]) -> None:
        self.contexts = contexts
        self.functions: dict[str, Callable[..., Any]] = {
            "contains": _contains,
            "startsWith": lambda text, start: shown(text).lower().startswith(shown(start).lower()),
            "format": lambda text, *values: re.sub(r"\{(\d)\}", lambda n: shown(values[int(n[1])]), text),
            "toJSON": json.dumps,
            "fromJSON": json.loads,
            **status,
        }

    def text(self, template: object) -> str:
        """A value of a workflow with every expression in it replaced."""
        return WHOLE.sub(lambda found: shown(self.value(found[1])), shown(template))

    def condition(self, text: object) -> bool:
        """Whether a step or job with that ``if`` runs: without a status function it needs that nothing has failed."""
        whole = WHOLE.fullmatch(shown(text).strip())
        inner = whole[1] if whole else shown(text)
        if not re.search(r"\b(always|failure|cancelled|success)\(\)", inner):
            inner = f"success() && ({inner})"
        return truth(self.value(inner))

    def value(self, text: str) -> Any:
        """One expression.

        Raises:
            ValueError: it cannot be read, or has an unknown name.
        """
        tokens = _tokens(text)
        found, rest = self._either(tokens)
        if rest:
            raise ValueError(f"{text!r}: {rest[0][1]!r} is not expected")
        return found

    def _either(self, tokens):
        left, rest = self._both(tokens)
        while rest[:1] == [("op", "||")]:
            right, rest = self._both(rest[1:])
            left = left if truth(left) else right
        return left, rest

    def _both(self, tokens):
        left, rest = self._compared(tokens)
        while rest[:1] == [("op", "&&")]:
            right, rest = self._compared(rest[1:])
            left = right if truth(left) else left
        return left, rest

    def _compared(self, tokens):
        left, rest = self._negated(tokens)
        while rest and rest[0][1] in {"==", "!="}:
            operator = rest[0][1]
            right, rest = self._negated(rest[1:])
            left = _same(left, right) == (operator == "==")
        return left, rest

    def _negated(self, tokens):
        if tokens[:1] == [("op", "!")]:
            value, rest = self._negated(tokens[1:])
            return not truth(value), rest
        return self._one(tokens)

    def _one(self, tokens):
        if not tokens:
            raise ValueError("an expression ends too soon")
        (kind, word), rest = tokens[0], tokens[1:]
        if kind == "text":
            return word[1:-1].replace("''", "'"), rest
        if kind == "number":
            return int(word), rest
        if word == "(":
            value, rest = self._either(rest)
            return value, rest[1:]
        if kind != "name":
            raise ValueError(f"{word!r} is not expected")
        if rest[:1] == [("op", "(")]:
            return self._call(word, rest[1:])
        if word in WORDS:
            return WORDS[word], rest
        return self._within(self.contexts[word], rest)

    def _within(self, value, rest):
        while rest[:1] == [("op", ".")]:
            name, rest = rest[1][1], rest[2:]
            if name == "*":
                value = list(value or ())
            elif isinstance(value, list):
                value = [one.get(name) for one in value]
            else:
                value = value.get(name) if isinstance(value, Mapping) else None
        return value, rest

    def _call(self, name, rest):
        given = []
        while rest[:1] != [("op", ")")]:
            value, rest = self._either(rest[1:] if rest[0] == ("op", ",") else rest)
            given.append(value)
        return self.functions[name](*given), rest[1:]


def truth(value: Any) -> bool:
    """As GitHub sees it."""
    return value not in (None, False, 0, "")


def shown(value: Any) -> str:
    """As it is put into text."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _contains(where: Any, what: Any) -> bool:
    return (
        any(_same(one, what) for one in where)
        if isinstance(where, list)
        else shown(what).lower() in shown(where).lower()
    )


def _same(one: Any, other: Any) -> bool:
    """Text is compared in lower case; nothing is like empty text."""
    return shown(one).lower() == shown(other).lower()


def _tokens(text: str) -> list[tuple[str, str]]:
    place, found = 0, []
    text = text.strip()
    while place < len(text):
        match = TOKEN.match(text, place)
        if match is None:
            raise ValueError(f"{text!r} cannot be read from {text[place:]!r} on")
        found.append((match.lastgroup or "", match[match.lastgroup or 0]))
        place = match.end()
    return found
