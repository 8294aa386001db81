"""Kinds of value that a `Deployment` holds beyond those of pydantic, each with the words that describe it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_network
from itertools import pairwise
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, WithJsonSchema

from zephyr_deploy.spec.durations import parse_duration
from zephyr_deploy.spec.secret import REDACTED

_SECRET_NAME = re.compile(r"TOKEN(?!S\b|S_|I[ZS])|KEY|SECRET|PASSW|CREDENTIAL|AUTH", re.IGNORECASE)
"""``HF_TOKEN`` is one, ``MAX_TOTAL_TOKENS`` counts, and ``TOKENIZERS_PARALLELISM`` or ``TOKENISER`` is of neither."""

FINGERPRINT = r"SHA256:[A-Za-z0-9+/]{43}"
"""Of a host key, as ssh and ssh-keygen print it."""
NEVER = "none"
"""How it is written that there is no limit."""
_DURATION_WORDS = "a length of time such as 30m, 8h or 1h30m"
_LIMIT_WORDS = f"{_DURATION_WORDS}, or {NEVER}"
_DURATION_PATTERN = r"([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9.]+s)?"


@dataclass(frozen=True)
class Allowed:
    """What may be written, in words: for messages and for the reference. Pydantic passes it by."""

    words: str


def names_a_path(model_id: str) -> bool:
    """Whether a model's id is the path of a file or folder, and not an id of the hub."""
    return model_id.startswith(("/", "./", "../", "~")) or model_id.lower().endswith(".gguf")


def is_secret_name(name: str) -> bool:
    """Whether what is called so, a variable or a flag, is a secret by its name. A count of tokens is none."""
    return _SECRET_NAME.search(name) is not None


def without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment for people and JSON: what is secret by its name is masked."""
    return {name: REDACTED if is_secret_name(name) else value for name, value in environment.items()}


def arguments_without_secrets(arguments: Sequence[str]) -> tuple[str, ...]:
    """Arguments for people and JSON: the value of a flag that is secret by its name is masked."""
    shown: list[str] = []
    for before, word in pairwise(["", *arguments]):
        flag, equals, _ = word.partition("=")
        if word.startswith("-") and equals and is_secret_name(flag):
            shown.append(f"{flag}={REDACTED}")
        elif before.startswith("-") and "=" not in before and not word.startswith("-") and is_secret_name(before):
            shown.append(REDACTED)
        else:
            shown.append(word)
    return tuple(shown)


def _playbook_settings(settings: dict[str, str]) -> dict[str, str]:
    """Only what the playbook calls its own: nothing else of Ansible's is to be changed by it."""
    for name in settings:
        if not re.fullmatch(r"prepare_[a-z0-9_]+", name):
            raise ValueError(f"{name} is no setting of the playbook: they begin with prepare_")
    return settings


def _host_key_pins(pins: dict[str, str]) -> dict[str, str]:
    """Only what can be compared with what a host shows."""
    for host, fingerprint in pins.items():
        if not re.fullmatch(FINGERPRINT, fingerprint):
            raise ValueError(f"{host}: write the fingerprint as ssh-keygen -lf prints it, SHA256: and 43 characters")
    return pins


def _length_of_time(value: object) -> object:
    """Text in our form; ISO 8601 text and timedeltas pass on to pydantic, bare numbers do not."""
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str):
        raise ValueError("write a length of time with its unit, such as 30m, 8h or 1h30m")  # noqa: TRY004 - pydantic's
    return value if value.startswith("P") else parse_duration(value)


def _limit(value: object) -> object:
    """A length of time, or None: nothing but the word says that there is no limit."""
    if value is None or (isinstance(value, str) and value.strip().lower() == NEVER):
        return None
    try:
        length = _length_of_time(value)
    except ValueError as error:
        raise ValueError(f"{error}, or {NEVER} for no limit") from None
    if isinstance(length, timedelta) and length <= timedelta():
        raise ValueError(f"write {_LIMIT_WORDS}")
    return length


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
    Allowed(_DURATION_WORDS),
    WithJsonSchema({"type": "string", "pattern": f"^{_DURATION_PATTERN}$", "examples": ["8h"]}),
]
Limit = Annotated[
    timedelta | None,
    BeforeValidator(_limit),
    Allowed(_LIMIT_WORDS),
    WithJsonSchema({"type": "string", "pattern": rf"^({NEVER}|{_DURATION_PATTERN})$", "examples": ["8h", NEVER]}),
]
"""A length of time, or None for no limit, which has to be written as ``none``."""
PlaybookSettings = Annotated[dict[str, str], AfterValidator(_playbook_settings)]
HostKeyPins = Annotated[
    dict[str, str], AfterValidator(_host_key_pins), Allowed("a table of hosts and fingerprints, SHA256:...")
]
Network = Annotated[str, AfterValidator(_network), Allowed("a network such as 203.0.113.0/24")]


class Variables(dict[str, str]):
    """Variables of a process, which print without what is secret by its name."""

    def __repr__(self) -> str:
        return repr(without_secrets(self))


Environment = Annotated[
    dict[str, str],
    AfterValidator(Variables),
    PlainSerializer(without_secrets, return_type=dict[str, str], when_used="json"),
]
"""Variables of a process; what is printed of it and its JSON, which are for people and logs, have no secrets."""
Arguments = Annotated[
    tuple[str, ...],
    PlainSerializer(arguments_without_secrets, return_type=tuple[str, ...], when_used="json"),
]
"""Arguments of a process; its JSON has no secrets."""
