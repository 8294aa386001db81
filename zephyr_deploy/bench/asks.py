"""What a load asks: conversations of one turn or several, and what of them goes to the server at a time."""

from __future__ import annotations

from typing import NamedTuple


class Turn(NamedTuple):
    """What a user says, and how long an answer may be."""

    text: str
    output_tokens: int
    """Most tokens of the answer."""
    prompt_tokens: int | None = None
    """Of the whole prompt that this begins, as the server counts; None: nobody has counted."""


Conversation = tuple[Turn, ...]
"""Turns that are asked one after the other, each together with all that was said before."""


class Ask(NamedTuple):
    """One request: the turn, and what was said before it."""

    turn: Turn
    before: tuple[tuple[str, str], ...] = ()
    """What the user said and what was answered, of each turn before, oldest first."""


def as_text(ask: Ask) -> str:
    """For protocols without roles: all that was said, in its order, a paragraph each."""
    return "\n\n".join([*(text for pair in ask.before for text in pair), ask.turn.text])
