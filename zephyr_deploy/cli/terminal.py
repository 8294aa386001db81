"""What a stream can show: colour, a live line, letters beyond ASCII."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console

UNBOUNDED = 10_000
"""Width in columns of a stream that is no terminal: nothing is cut or wrapped for a program that reads it."""


_UNSEEN = dict.fromkeys(code for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t")


def visible(text: str) -> str:
    """``text`` without control characters: what a remote machine says must not steer the terminal."""
    return text.translate(_UNSEEN)


def utf8(text: str, what: str) -> str:
    """``text`` as UTF-8, which it was if the locale is plain ASCII: Python keeps bytes it cannot read as surrogates.

    Raises:
        UsageError: it is not UTF-8; ``what`` names it.
    """
    if text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text):
        return text
    from zephyr_deploy.errors import UsageError

    try:
        return os.fsencode(text).decode()
    except UnicodeError:
        raise UsageError(f"{what} is not UTF-8 text.", hint="iconv turns other encodings into UTF-8.") from None


class ReaderGoneError(Exception):
    """Nobody reads stdout any more, e.g. ``zephyr-deploy logs -f | head``."""


def console(stream: TextIO) -> Console:
    """A console on ``stream``.

    ``NO_COLOR`` turns all styles off, ``FORCE_COLOR`` on (https://no-color.org, https://force-color.org).
    """
    from rich.console import Console

    plain = bool(os.environ.get("NO_COLOR")) or not (stream.isatty() or os.environ.get("FORCE_COLOR"))
    return Console(
        file=stream,
        color_system=None if plain else "auto",
        width=None if stream.isatty() else UNBOUNDED,
        highlight=False,
        markup=False,
        emoji=False,
    )


def is_live(stream: TextIO) -> bool:
    """Whether a line on ``stream`` can be drawn over."""
    return stream.isatty() and os.environ.get("TERM", "") not in {"", "dumb"}


def unicode_capable(stream: TextIO) -> bool:
    """Whether ``stream`` can write letters beyond ASCII."""
    return (stream.encoding or "ascii").lower().replace("-", "").startswith("utf")


def tolerant(stream: TextIO) -> TextIO:
    """Let ``stream`` write a question mark for what its encoding lacks, instead of failing."""
    if isinstance(stream, io.TextIOWrapper) and not unicode_capable(stream):
        stream.reconfigure(errors="replace")
    return stream
