"""Lengths of time as people write them: ``30m``, ``8h``, ``1h30m``, ``2d``."""

from __future__ import annotations

import re
from datetime import timedelta

_PATTERN = re.compile(
    r"(?:(?P<days>[0-9]+)d)?(?:(?P<hours>[0-9]+)h)?(?:(?P<minutes>[0-9]+)m)?(?:(?P<seconds>[0-9]+(?:\.[0-9]{1,6})?)s)?"
)
_MICROSECOND = timedelta(microseconds=1)


def parse_duration(text: str) -> timedelta:
    """Read a length of time: days, hours, minutes and seconds in that order, each at most once.

    Raises:
        ValueError: it is none; a bare number is refused, because its unit would be a guess.
    """
    match = _PATTERN.fullmatch(text.strip())
    parts = {unit: number for unit, number in match.groupdict().items() if number} if match else {}
    if not parts:
        raise ValueError("write a length of time with its unit, such as 30m, 8h or 1h30m")
    try:
        return sum((_part(unit, number) for unit, number in parts.items()), timedelta())
    except OverflowError:
        raise ValueError("this length of time is beyond all reason") from None


def format_duration(length: timedelta) -> str:
    """Write a length of time so that `parse_duration` reads the same again.

    Raises:
        ValueError: it is negative.
    """
    if length < timedelta():
        raise ValueError("a length of time is not negative")
    minutes, seconds = divmod(length, timedelta(minutes=1))
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    text = "".join(f"{number}{unit}" for number, unit in ((days, "d"), (hours, "h"), (minutes, "m")) if number)
    return text + _seconds(seconds) if seconds or not text else text


def _part(unit: str, number: str) -> timedelta:
    """One part, exact to the microsecond: a float would lose digits of a long one."""
    whole, _, fraction = number.partition(".")
    return timedelta(**{unit: int(whole)}) + int(fraction.ljust(6, "0")) * _MICROSECOND


def _seconds(length: timedelta) -> str:
    whole, micros = divmod(length, timedelta(seconds=1))
    fraction = f".{micros // _MICROSECOND:06}".rstrip("0") if micros else ""
    return f"{whole}{fraction}s"
