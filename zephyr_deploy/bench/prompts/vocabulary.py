"""Words, and how many tokens they are to the model that is measured."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

from zephyr_deploy.spec.base import Frozen

CountedBy = Literal["server", "tokenizer", "estimate"]

TOKENS_PER_WORD = 1.3
"""Common English words take about so many tokens each in today's byte-pair vocabularies."""


@cache
def words() -> tuple[str, ...]:
    """The word list, 512 common English words; one a line in ``words.txt``."""
    return tuple(Path(__file__).with_name("words.txt").read_text(encoding="utf-8").split())


class Opening(Frozen):
    """A word that a prompt may begin with, and what that costs."""

    word: str
    beyond: int
    """Tokens of a whole prompt that begins so, beyond one for each of its words: the chat template's, special ones,
    and more than one for the word itself where no space is before it."""


class Vocabulary(Frozen):
    """What prompts are made of.

    Counted by the server or a tokenizer, every word after the first is one token, whatever stands beside it.
    """

    words: tuple[str, ...]
    openings: tuple[Opening, ...] = ()
    """Empty: a prompt may begin with any of the words."""
    tokens_per_word: float = 1.0
    counted_by: CountedBy

    def words_for(self, tokens: int, beyond: int) -> int:
        """How many words a prompt of ``tokens`` tokens has, ``beyond`` of which are no words; at least 1."""
        return max(1, round((tokens - beyond) / self.tokens_per_word))


def estimated(tokens_per_word: float = TOKENS_PER_WORD) -> Vocabulary:
    """The whole word list, where nobody counts."""
    return Vocabulary(words=words(), tokens_per_word=tokens_per_word, counted_by="estimate")
