"""Figures as text for people."""

from __future__ import annotations

from math import isfinite

SECOND_MS = 1000.0
WHOLE = 99.95
"""From here on no digit behind the point is worth its place."""
MICRO_MS = 0.0995
"""Below that, microseconds read better."""


def short(value: float) -> str:
    """Three digits where there is a point to show; whole numbers above, in groups of three."""
    if not isfinite(value):
        return "-"
    if abs(value) >= WHOLE:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) >= 1e-3 or value == 0 else f"{value:.1g}"  # noqa: PLR2004


def time(ms: float) -> str:
    """Milliseconds, seconds or microseconds, whichever is short."""
    if ms == 0:
        return "0"
    if ms >= SECOND_MS - 0.5:
        return f"{short(ms / SECOND_MS)} s"
    if 0 < ms < MICRO_MS:
        return f"{short(ms * 1000)} µs"
    return f"{short(ms)} ms"


def coordinate(value: float) -> str:
    """For a path: short, and never in the form 1e-05."""
    text = f"{value:.1f}"
    return text.removesuffix(".0")
