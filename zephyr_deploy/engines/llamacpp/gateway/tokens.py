"""Tokens as TGI shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zephyr_deploy.engines.llamacpp.upstream import Prob, Upstream

LONGEST_CHARACTER = 4
"""Bytes, and so tokens, of the longest UTF-8 character."""
CUT_CHARACTER = "\ufffd"
"""What llama.cpp writes for the first bytes of a character that a limit has cut."""


@dataclass(frozen=True)
class Token:
    """One token as TGI shows it; ``logprob`` is None where llama.cpp does not report it."""

    id: int
    text: str
    logprob: float | None
    special: bool = False

    def json(self) -> dict[str, Any]:
        """TGI's form."""
        return {"id": self.id, "text": self.text, "logprob": self.logprob, "special": self.special}


@dataclass(frozen=True)
class Scored:
    """A token and the likeliest ones at its place (empty unless asked for)."""

    token: Token
    top: tuple[Token, ...] = ()


async def likeliest(upstream: Upstream, prob: Prob | None, count: int) -> tuple[Token, ...]:
    """The ``count`` likeliest tokens at a place, as far as llama.cpp reports them."""
    if prob is None or not count:
        return ()
    return tuple([await _alternative(upstream, entry) for entry in prob.top[:count]])


async def _alternative(upstream: Upstream, prob: Prob) -> Token:
    if prob.text:
        return Token(prob.id, prob.text, prob.logprob)
    special = await upstream.is_special(prob.id)
    return Token(prob.id, await upstream.text_of(prob.id), prob.logprob, special)
