"""Finds words of which any number is known to be so many tokens, whatever order they stand in.

A tokenizer is no sum over words: a word may be one token after a space and two at the beginning, and words may merge
with their neighbours. So words are looked for that are one token each, every pair of them is shown to the tokenizer
once, and only sets in which no pair is anything but two tokens are used. Then a prompt's length is a sum, and no
prompt has to be counted.
"""

from __future__ import annotations

from itertools import islice
from random import Random
from typing import TYPE_CHECKING

from zephyr_deploy.bench.prompts.vocabulary import Opening, Vocabulary, estimated, words
from zephyr_deploy.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from zephyr_deploy.bench.prompts.counters import Counter

SIZES = (128, 64, 32, 16)
"""Words of a set: every pair of 128 is a text of 16,384 words."""
AT_ONCE = 1024
"""Words of one question: some 6 kB."""
BATCH = 128
"""Words that are looked at together; if one of them has the mark in it, the others of its batch are lost."""
ORDER = Random(0).sample(words(), len(words()))  # noqa: S311 - always the same
"""The words mixed: neighbours in the alphabet have beginnings in common."""
MARKS = ("the", "and", *ORDER[:14])
"""Words that may stand between others, so that one can see where these end: the first that is one token."""


def measure(counter: Counter) -> Vocabulary:
    """Words that count as one token each; an estimate where there are too few, by how long these words are on average.

    Raises:
        ZephyrError: the counter cannot count.
    """
    chosen = _adding_up(counter, _single(counter))
    openings = _openings(counter, chosen) if chosen else ()
    if openings:
        return Vocabulary(words=chosen, openings=openings, counted_by=counter.by)
    tokens = len(counter.ids(" ".join(ORDER)))
    if not tokens:
        raise RequestError("words have no tokens there", error_type="malformed")
    return estimated(tokens / len(ORDER))


def still_true(counter: Counter, vocabulary: Vocabulary) -> bool:
    """Whether the server counts one prompt of these words as was found before.

    Raises:
        ZephyrError: the counter cannot count.
    """
    opening = vocabulary.openings[-1]
    said = (opening.word, *vocabulary.words[1:])
    return counter.whole(" ".join(said)) == len(said) + opening.beyond


def _single(counter: Counter) -> dict[str, int]:
    """The words that are one token of their own after a space, with that token."""
    for mark in MARKS:
        last = counter.ids(" ".join([mark] * 4))[-3:]
        if len(last) == 3 and len(set(last)) == 1:  # noqa: PLR2004 - the first of four has no space before it
            return _between(counter, mark, last[0])
    return {}


def _between(counter: Counter, mark: str, token: int) -> dict[str, int]:
    """Show words with ``mark``, which is ``token``, on both sides of each."""
    found: dict[int, str] = {}
    others = iter([word for word in ORDER if word != mark])
    while batch := list(islice(others, BATCH)):
        groups = _split(counter.ids(f"{mark} {mark} " + " ".join(f"{word} {mark}" for word in batch)), token)
        # Before the first word there may be special tokens, and the first mark has no space before it.
        for word, ids in zip(batch, groups[-len(batch) - 1 : -1], strict=False):
            if len(ids) == 1:
                found.setdefault(ids[0], word)
    return {word: number for number, word in found.items()}


def _split(ids: Sequence[int], token: int) -> list[list[int]]:
    groups: list[list[int]] = [[]]
    for number in ids:
        if number == token:
            groups.append([])
        else:
            groups[-1].append(number)
    return groups


def _adding_up(counter: Counter, single: dict[str, int]) -> tuple[str, ...]:
    """The largest set of them in which no pair merges; empty: there is none."""
    for size in SIZES:
        for start in range(0, len(single) - size + 1, size):
            chosen = dict(islice(single.items(), start, start + size))
            if _add_up(counter, chosen):
                return tuple(chosen)
    return ()


def _add_up(counter: Counter, chosen: dict[str, int]) -> bool:
    """Whether every pair of them is two tokens."""
    said = list(_every_pair(tuple(chosen)))
    for start in range(0, len(said) - 1, AT_ONCE):
        piece = said[start : start + AT_ONCE + 1]
        expected = [chosen[word] for word in piece[1:]]  # the first has no space before it
        if counter.ids(" ".join(piece))[-len(expected) :] != expected:
            return False
    return True


def _every_pair(chosen: Sequence[str]) -> Iterator[str]:
    """A text in which each of them stands once before each of them (a de Bruijn sequence)."""
    for place, word in enumerate(chosen):
        yield word
        for other in chosen[place + 1 :]:
            yield word
            yield other
    yield chosen[0]


def _openings(counter: Counter, chosen: Sequence[str]) -> tuple[Opening, ...]:
    """What whole prompts cost beyond their words, by how they begin; empty: that depends on more than this."""
    draw = Random(0)  # noqa: S311 - always the same
    trials = max(1, counter.prompts // 2)
    found: dict[str, int] = {}
    for word in chosen[:trials]:
        found[word] = counter.whole(" ".join((word, *chosen))) - len(chosen) - 1
    for word in islice(found, counter.prompts - trials):
        said = (word, *draw.choices(chosen, k=draw.randint(1, 3 * len(chosen))))
        if counter.whole(" ".join(said)) != len(said) + found[word]:
            return ()
    return tuple(Opening(word=word, beyond=beyond) for word, beyond in found.items())
