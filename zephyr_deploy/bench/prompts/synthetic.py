"""Prompts made of plain words: the same seed gives the same prompts, and no two prompts begin alike."""

from __future__ import annotations

import random
from functools import cache
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from zephyr_deploy.bench.asks import Turn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zephyr_deploy.bench.asks import Conversation

WORDS_PER_TOKEN = 1 / 1.3
"""Common English words take about 1.3 tokens each in today's byte-pair vocabularies; the report has the true count."""


@cache
def words() -> tuple[str, ...]:
    """The word list, 512 common English words; one a line in ``words.txt``."""
    return tuple(Path(__file__).with_name("words.txt").read_text(encoding="utf-8").split())


def prompt(seed: int, series: str, number: int, tokens: int) -> str:
    """Prompt ``number`` of a series, of about ``tokens`` tokens.

    It depends on its arguments alone, never on which worker sends it or when. It is random from its first word,
    so that a server's prefix cache cannot answer for the model.
    """
    draw = random.Random(f"{seed}/{series}/{number}")  # noqa: S311 - to be repeated, not to be secret
    return " ".join(draw.choices(words(), k=max(1, round(tokens * WORDS_PER_TOKEN))))


def prompts(seed: int, series: str, tokens: int, output_tokens: int) -> Iterator[Conversation]:
    """Prompts 0, 1, 2… of a series, each a conversation of one turn, without end."""
    return ((Turn(prompt(seed, series, number, tokens), output_tokens),) for number in count())
