"""Kinds of value that a `Deployment` holds beyond those of pydantic, each with the words that describe it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_network
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

from zephyr_deploy.spec.durations import parse_duration


@dataclass(frozen=True)
class Allowed:
    """What may be written, in words: for messages and for the reference. Pydantic passes it by."""

    words: str


def _length_of_time(value: object) -> object:
    """Text in our form; ISO 8601 text and timedeltas pass on to pydantic, bare numbers do not."""
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str):
        raise ValueError("write a length of time with its unit, such as 30m, 8h or 1h30m")  # noqa: TRY004 - pydantic's
    return value if value.startswith("P") else parse_duration(value)


def _network(text: str) -> str:
    """One network in CIDR form, its host bits zero."""
    try:
        return str(ip_network(text))
    except ValueError:
        pass
    try:
        meant = f"; did you mean {ip_network(text, strict=False)}?"
    except ValueError:
        meant = ""
    raise ValueError(f"write a network such as 203.0.113.0/24{meant}")


Duration = Annotated[
    timedelta,
    BeforeValidator(_length_of_time),
    Allowed("a length of time such as 30m, 8h or 1h30m"),
    WithJsonSchema({"type": "string", "pattern": r"^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9.]+s)?$", "examples": ["8h"]}),
]
Network = Annotated[str, AfterValidator(_network), Allowed("a network such as 203.0.113.0/24")]
