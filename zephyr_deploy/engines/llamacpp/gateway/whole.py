"""From llama.cpp's whole answer to TGI's tokens.

llama.cpp lists every id, but no texts; logprobs only of tokens that end a character; and nothing of the text is left
to a token in which a stop sequence may have begun. The texts are found as TGI finds them: a token that ends within a
character has none, and the one that completes it has the whole.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from zephyr_deploy.engines.llamacpp.gateway.tokens import CUT_CHARACTER, Scored, Token, likeliest

if TYPE_CHECKING:
    from zephyr_deploy.engines.llamacpp.upstream import Answer, Prob, Upstream


async def scored_tokens(upstream: Upstream, answer: Answer, top_n: int) -> list[Scored]:
    """Every token of an answer; their texts, special ones aside, add up to it, a cut character excepted.

    Raises:
        RequestError: The engine did not say a token's text.
    """
    texts, probs = _Texts(upstream, answer.text), deque(answer.probs)
    found = []
    for token in answer.ids:
        prob = probs.popleft() if probs and probs[0].id == token else None
        text, special = await texts.take(token, prob)
        shown = Token(token, text, prob.logprob if prob else None, special)
        found.append(Scored(shown, await likeliest(upstream, prob, top_n)))
    return found


class _Texts:
    """Deals an answer's text out to its tokens, in order."""

    def __init__(self, upstream: Upstream, text: str) -> None:
        self._upstream = upstream
        self._rest = text
        self._begun: tuple[int, ...] = ()
        """Tokens of a character that is not complete."""

    async def take(self, token: int, prob: Prob | None) -> tuple[str, bool]:
        """The text of the next token, and whether the token is special and the text so not the answer's."""
        text = prob.text if prob and prob.text else await self._upstream.text_of(*self._begun, token)
        if text.endswith(CUT_CHARACTER):
            self._begun = (*self._begun, token)
            return "", False
        alone, self._begun = not self._begun, ()
        if alone and not self._rest.startswith(text) and await self._upstream.is_special(token):
            return text, True
        if text.startswith(self._rest):  # a stop sequence ended the answer within this token
            text = self._rest
        self._rest = self._rest.removeprefix(text)
        return text, False
