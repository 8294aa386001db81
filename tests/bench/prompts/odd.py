"""Tokenizers for tests, as odd as real ones: by words, with words of several tokens, and words that merge.

They leave out what no real one does: a word whose tokens hang on words further away than its neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from zlib import crc32

BOS = -1


@cache
def code(word):
    return crc32(word.encode())


def chance(*numbers):
    """Between 0 and 1, always the same for the same."""
    mixed = 0
    for number in numbers:
        mixed = ((mixed ^ number) * 0x9E3779B97F4A7C15) % 2**64
        mixed ^= mixed >> 29
    return (mixed >> 11) / 2**53


@dataclass
class Odd:
    """How odd: shares of the words, or of the pairs of words, for which something is so; ``seed`` says which."""

    seed: int = 0
    long: float = 0.3
    """Words of several tokens."""
    alike: float = 0.02
    """Words that are the same token as others."""
    merging: float = 0.0
    """Pairs of words that are one token together."""
    first_differs: float = 0.5
    """Words that are longer at the beginning of a text."""
    bos: bool = True
    head: tuple[int, ...] = (-2, -3, -4)
    """What a chat template puts before a text."""
    tail: tuple[int, ...] = (-5, -6)
    by: str = "server"
    prompts: int = 16
    calls: list[str] = field(default_factory=list)

    def ids(self, text):
        self.calls.append(text)
        return [BOS] * self.bos + self._text(text)

    def whole(self, text):
        self.calls.append(text)
        return len(self.head) + len(self._text(text)) + len(self.tail)

    def _text(self, text):
        codes, found, place = [code(word) for word in text.split(" ")], [], 0
        while place < len(codes):
            first = codes[place]
            if place + 1 < len(codes) and self.merging and chance(self.seed, first, codes[place + 1]) < self.merging:
                found.append((first, codes[place + 1]))
                place += 2
                continue
            found += self._word(first, first=place == 0)
            place += 1
        return [part if isinstance(part, int) else hash(part) for part in found]

    def _word(self, word, *, first):
        tokens = 1 + (chance(self.seed, 1, word) < self.long)
        if first and chance(self.seed, 2, word) < self.first_differs:
            tokens += 1
        if tokens > 1:
            return [(word, place, first) for place in range(tokens)]
        return [0 if chance(self.seed, 3, word) < self.alike else word]
