"""Prompts made of plain words: the same seed gives the same prompts, and no two prompts begin alike."""

from __future__ import annotations

import random
from itertools import count, islice, repeat
from typing import TYPE_CHECKING

from zephyr_deploy.bench.asks import Turn
from zephyr_deploy.bench.prompts.facts import PromptFacts
from zephyr_deploy.bench.prompts.lengths import draw_length, lowest
from zephyr_deploy.bench.prompts.vocabulary import Opening, Vocabulary, estimated

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from zephyr_deploy.bench.asks import Conversation
    from zephyr_deploy.bench.prompts.traces import Arrival
    from zephyr_deploy.bench.spec import BenchSpec

INSTEAD = "Exact ones take the model's tokenizer.json: --tokenizer."
ANY = Opening(word="", beyond=0)
AT_A_TIME = 5000
"""Characters of prompts that are made together: a fifth of a millisecond's work."""


class SyntheticPrompts:
    """Conversations of words drawn at random, as long as ``spec`` says.

    Each depends on the seed, its series and its number alone, never on which worker sends it or when. It is random
    from its first word, so that a server's prefix cache cannot answer for the model, unless a shared prefix is wanted.
    """

    def __init__(self, spec: BenchSpec, vocabulary: Vocabulary | None = None, doubt: str = "") -> None:
        self._spec, self._doubt = spec, doubt
        self.vocabulary = vocabulary or estimated()
        self._shared: list[str] = []
        self._draw_shared = _random(f"{spec.seed}/shared")
        self._draw = _random("")
        """Seeded anew for each turn, which is less work than a new one."""

    def conversations(self, series: str, arrivals: Sequence[Arrival] | None = None) -> Iterator[Conversation]:
        """Conversations 0, 1, 2… of a series, without end; with ``arrivals`` one turn for each, of its lengths."""
        keys = (f"{self._spec.seed}/{series}/{number}" for number in count())
        if arrivals is None:
            return _together(map(self._conversation, keys))
        return ((self._turn(key, 0, *arrival[1:]),) for key, arrival in zip(keys, arrivals, strict=False))

    def facts(self) -> PromptFacts:
        """Who counted them, and why their lengths are no exact ones, or not those that were asked for."""
        remarks = [f"The lengths of prompts are estimates: {self._doubt}. {INSTEAD}"] if self._doubt else []
        least = max((opening.beyond + 1 for opening in self.vocabulary.openings), default=1)
        if lowest(self._spec.prompt_tokens) < least:
            remarks.append(f"A prompt of one word has up to {least} tokens here: none can be shorter than that.")
        return PromptFacts(counted_by=self.vocabulary.counted_by, remarks=tuple(remarks))

    def _conversation(self, key: str) -> Conversation:
        lengths = self._lengths(f"{key}/lengths")
        return tuple(
            self._turn(key if place == 0 else f"{key}/{place}", place, *next(lengths))
            for place in range(self._spec.turns)
        )

    def _lengths(self, key: str) -> Iterator[tuple[int, int]]:
        """Of prompt and answer, turn by turn."""
        prompt, answer = self._spec.prompt_tokens, self._spec.max_new_tokens
        if isinstance(prompt, int) and isinstance(answer, int):
            return repeat((prompt, answer))  # nothing to draw, and seeding takes as long as drawing a prompt
        draw = _random(key)
        return ((draw_length(prompt, draw), draw_length(answer, draw)) for _ in count())

    def _turn(self, key: str, place: int, tokens: int, output_tokens: int) -> Turn:
        draw, vocabulary = self._draw, self.vocabulary
        draw.seed(key)
        share = self._spec.shared_prefix if place == 0 else 0.0
        opening = ANY
        if vocabulary.openings:
            opening = vocabulary.openings[0] if share else draw.choice(vocabulary.openings)
        many = vocabulary.words_for(tokens, opening.beyond)
        shared = self._shared_words(round(many * share))
        said = shared + draw.choices(vocabulary.words, k=many - len(shared))
        if opening.word:
            said[0] = opening.word
        counted = opening.beyond + many if place == 0 and vocabulary.counted_by != "estimate" else None
        return Turn(" ".join(said), output_tokens, counted)

    def _shared_words(self, many: int) -> list[str]:
        """The first ``many`` words of what all prompts begin with."""
        missing = many - len(self._shared)
        if missing > 0:
            self._shared += self._draw_shared.choices(self.vocabulary.words, k=missing)
        return self._shared[:many]


def _together(made: Iterator[Conversation]) -> Iterator[Conversation]:
    """The same, a few made at a time: whoever makes one between two reads of sockets takes half as long again."""
    many = 1
    while block := list(islice(made, many)):
        yield from block
        many = max(1, AT_A_TIME // sum(len(turn.text) for turn in block[-1]))


def _random(key: str) -> random.Random:
    return random.Random(key)  # noqa: S311 - to be repeated, not to be secret
