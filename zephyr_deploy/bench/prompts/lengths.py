"""How long prompts and answers are, in tokens: so many, or drawn by chance.

``512``: always. ``64..512``: any number from 64 to 512, each as likely. ``512:100``: normally distributed about 512,
with a standard deviation of 100, and at least 1.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator

if TYPE_CHECKING:
    import random

FORM = re.compile(r"(?P<first>\d{1,8})(?:(?P<sign>\.\.|:)(?P<second>\d{1,8}))?", re.ASCII)


def _checked(wanted: Any) -> int | str:
    """The same; a number alone becomes one.

    Raises:
        ValueError: it has none of the forms, or allows no length at all.
    """
    found = FORM.fullmatch(str(wanted).strip())
    if isinstance(wanted, bool) or found is None:
        raise ValueError(f"{wanted!r} is no length: write 512, 64..512 or 512:100 (mean:deviation)")
    first, sign, second = int(found["first"]), found["sign"], found["second"]
    if first < 1 or (sign == ".." and int(second) < first):
        raise ValueError(f"{wanted!r} allows no length from 1 upwards")
    return first if sign is None else f"{first}{sign}{int(second)}"


Length = Annotated[int | str, BeforeValidator(_checked)]
"""One of the forms above; a number where it is fixed."""


def draw_length(wanted: int | str, draw: random.Random) -> int:
    """A length as ``wanted`` says."""
    if isinstance(wanted, int):
        return wanted
    first, sign, second = _parts(wanted)
    if sign == "..":
        return draw.randint(first, second)
    return max(1, round(draw.gauss(first, second)))


def typical(wanted: int | str) -> int:
    """The mean length."""
    if isinstance(wanted, int):
        return wanted
    first, sign, second = _parts(wanted)
    return (first + second) // 2 if sign == ".." else first


def lowest(wanted: int | str) -> int:
    """The least length; of a normal distribution the mean."""
    return wanted if isinstance(wanted, int) else _parts(wanted)[0]


def _parts(wanted: str) -> tuple[int, str, int]:
    first, sign, second = re.split(r"(\.\.|:)", wanted)
    return int(first), sign, int(second)
