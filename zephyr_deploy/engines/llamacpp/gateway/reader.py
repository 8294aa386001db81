"""From the events of a stream of llama.cpp's to TGI's tokens: ids, texts, logprobs, one by one.

The two differ in two ways, and each is met here:

* llama.cpp sends no text for special tokens; TGI shows it, marked ``special``.
* llama.cpp reports only the last of several tokens that make up one character; TGI sends each, the first ones empty.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.engines.llamacpp.gateway.tokens import Scored, Token, likeliest

if TYPE_CHECKING:
    from zephyr_deploy.engines.llamacpp.upstream import Chunk, Upstream


class TokenReader:
    """Reads the events of one completion without stop sequences, so that every text comes with its token.

    Args:
        upstream: For the texts that the events leave out.
        top_n: How many alternatives to show for each token.
    """

    def __init__(self, upstream: Upstream, *, top_n: int) -> None:
        self._upstream = upstream
        self._top_n = top_n
        self._predicted = 0
        self.received = ""
        """All text so far."""

    async def read(self, chunk: Chunk) -> list[Scored]:
        """The tokens that an event brings, in order; it may be none."""
        gained, self._predicted = chunk.predicted - self._predicted, chunk.predicted
        self.received += chunk.text
        if not chunk.ids:
            return []
        parts = await self._parts(chunk.text, chunk.ids[-1], gained) if gained > 1 else []
        last = await self._last(chunk)
        return [
            *(Scored(part) for part in parts),
            Scored(last, await likeliest(self._upstream, chunk.prob, self._top_n)),
        ]

    async def _parts(self, text: str, last: int, count: int) -> list[Token]:
        # Which tokens came before the one reported is worked out by splitting the character again; the number of
        # tokens and the last id show whether that is how it was made. If not, they stay unreported.
        ids = await self._upstream.token_ids(text, add_special=False)
        if len(ids) != count or ids[-1] != last:
            return []
        return [Token(part, "", None) for part in ids[:-1]]

    async def _last(self, chunk: Chunk) -> Token:
        token, logprob = chunk.ids[-1], chunk.prob.logprob if chunk.prob else None
        if chunk.text:
            return Token(token, chunk.text, logprob)
        return Token(token, await self._upstream.text_of(token), logprob, await self._upstream.is_special(token))
