"""Kinds of value that a `Deployment` holds beyond those of pydantic, each with the words that describe it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_network
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, WithJsonSchema

from zephyr_deploy.spec.durations import parse_duration

_SECRET_NAME = re.compile(r"TOKEN|KEY|SECRET|PASSW|CREDENTIAL|AUTH", re.IGNORECASE)


@dataclass(frozen=True)
class Allowed:
    """What may be written, in words: for messages and for the reference. Pydantic passes it by."""

    words: str


def names_a_path(model_id: str) -> bool:
    """Whether a model's id is the path of a file or folder, and not an id of the hub."""
    return model_id.startswith(("/", "./", "../", "~")) or model_id.lower().endswith(".gguf")


def without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment for people and JSON: what is secret by its name is masked."""
    return {name: "[REDACTED]" if _SECRET_NAME.search(name) else value for name, value in environment.items()}


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
Environment = Annotated[dict[str, str], PlainSerializer(without_secrets, return_type=dict[str, str], when_used="json")]
"""Variables of a process; JSON of it, which is for people and logs, has no secrets."""
