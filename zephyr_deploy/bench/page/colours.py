"""Levels have colours by their place, the same in every chart."""

from __future__ import annotations

COLOURS = 8
"""Custom properties l0 to l7 of the style sheet, from calm to warm."""
ALONE = 2


def colour_of(place: int, levels: int) -> str:
    """Of the level at ``place``, of so many."""
    if levels <= 1:
        return f"l{ALONE}"
    return f"l{round(place * (COLOURS - 1) / (levels - 1))}" if levels > COLOURS // 2 else f"l{place * 2}"
