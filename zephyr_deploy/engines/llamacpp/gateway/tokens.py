"""From llama.cpp's events to TGI's tokens: ids, texts, logprobs, one by one.

The two differ in three ways, and each is met here:

* llama.cpp sends no text while a stop sequence may be on its way; TGI sends every token's text at once.
* llama.cpp sends no text for special tokens; TGI shows it, marked ``special``.
* llama.cpp reports only the last of several tokens that make up one character; TGI sends each, the first ones empty.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zephyr_deploy.engines.llamacpp.upstream import Chunk, Prob, Upstream

LONGEST_CHARACTER = 4
"""Bytes, and so tokens, of the longest UTF-8 character."""


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


class TokenReader:
    """Reads the events of one completion.

    Args:
        upstream: For the texts that the events leave out.
        has_stops: Whether the request has stop sequences, so that text may be held back.
        top_n: How many alternatives to show for each token.
    """

    def __init__(self, upstream: Upstream, *, has_stops: bool, top_n: int) -> None:
        self._upstream = upstream
        self._has_stops = has_stops
        self._top_n = top_n
        self._predicted = 0
        self._sent = ""
        self.received = ""
        """All text that llama.cpp has sent: the answer without the stop sequence that ended it."""

    async def read(self, chunk: Chunk) -> list[Scored]:
        """The tokens that an event brings, in order; it may be none."""
        gained, self._predicted = chunk.predicted - self._predicted, chunk.predicted
        self.received += chunk.text
        if not chunk.ids:
            return []
        parts: list[Token] = []
        if gained > 1:
            parts = await self._parts(chunk.text, chunk.ids[-1], gained)
        last = await self._last(chunk, whole=gained == 1)
        self._sent += "" if last.special else last.text
        return [*(Scored(part) for part in parts), Scored(last, await self._top(chunk.prob))]

    async def _parts(self, text: str, last: int, count: int) -> list[Token]:
        # Which tokens came before the one reported is worked out by splitting the character again; the number of
        # tokens and the last id show whether that is how it was made. If not, they stay unreported.
        ids = [piece.id for piece in await self._upstream.tokenize(text, add_special=False)]
        if len(ids) != count or ids[-1] != last:
            return []
        return [Token(part, "", None) for part in ids[:-1]]

    async def _last(self, chunk: Chunk, *, whole: bool) -> Token:
        token, logprob = chunk.ids[-1], chunk.prob.logprob if chunk.prob else None
        if not whole:
            return Token(token, self.received.removeprefix(self._sent), logprob)
        if chunk.text and not self._has_stops:
            return Token(token, chunk.text, logprob)
        text = await self._upstream.text_of(token)
        special = not chunk.text and await self._upstream.is_special(token)
        return Token(token, text, logprob, special)

    async def _top(self, prob: Prob | None) -> tuple[Token, ...]:
        if prob is None or not self._top_n:
            return ()
        return tuple([await self._alternative(entry) for entry in prob.top[: self._top_n]])

    async def _alternative(self, prob: Prob) -> Token:
        if prob.text:
            return Token(prob.id, prob.text, prob.logprob)
        special = await self._upstream.is_special(prob.id)
        return Token(prob.id, await self._upstream.text_of(prob.id), prob.logprob, special)

    def closing(self, last: Scored, answer: str) -> Scored:
        """The last token with its text cut to where the answer ends, so that the texts add up to it."""
        before = self._sent.removesuffix(last.token.text)
        if last.token.special or not answer.startswith(before):
            return last
        text = answer[len(before) :]
        return Scored(Token(last.token.id, text, last.token.logprob), last.top)
