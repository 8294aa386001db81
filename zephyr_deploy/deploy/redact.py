"""Takes secrets out of text that leaves this machine: those that are known, in every form, and what looks like one."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from zephyr_deploy.spec.secret import REDACTED
from zephyr_deploy.spec.types import is_secret_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

SHORTEST = 4
"""A shorter value is taken out only beside its name: replaced everywhere it would leave nothing to read."""
LOOKS = (
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
    re.compile(r"\bhf_[A-Za-z0-9]{8,}"),
    re.compile(r"\bsk-[A-Za-z0-9_-]{16,}"),
    re.compile(r"\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_\w{20,}"),
    re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"),
    re.compile(r"(?i)(?<=\bbearer )[^\s\"'\\{},]{4,}"),
    re.compile(r"(?i)(?<=\bbasic )[A-Za-z0-9+/=]{8,}"),
    re.compile(r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"),
)
"""What is a secret by its form, whoever's it is."""
_NAMED = re.compile(
    r"""(?<![\w-])(?P<name>[\w-]{1,80})(?P<between>["']?[ \t]*(?:=|:[ \t])[ \t]*["']?)(?P<value>[^\s"',;&{}\[\]]+)"""
)
_EMPTY = {"", "true", "false", "null", "none", "unset", "0", "1", REDACTED.lower()}


class Redactor:
    """Knows secrets and takes them out.

    Args:
        secrets: Values that must not be seen.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._forms: set[str] = set()
        self.learn(secrets)

    def learn(self, secrets: Iterable[str]) -> None:
        """Know more of them, in every way in which they may be written."""
        for secret in (text.strip() for text in secrets):
            if len(secret) >= SHORTEST and secret.lower() not in _EMPTY:
                self._forms |= {secret, quote(secret, safe=""), json.dumps(secret)[1:-1], *_base64(secret)}

    def learn_variables(self, environment: Mapping[str, str]) -> None:
        """Know the values of variables that are secret by their name."""
        self.learn(value for name, value in environment.items() if is_secret_name(name))

    def learn_arguments(self, arguments: Sequence[str]) -> None:
        """Know the values of flags that are secret by their name."""
        for before, word in zip(["", *arguments], arguments, strict=False):
            flag, equals, value = word.partition("=")
            if equals and flag.startswith("-") and is_secret_name(flag):
                self.learn([value])
            elif before.startswith("-") and "=" not in before and not word.startswith("-") and is_secret_name(before):
                self.learn([word])

    def learn_env_file(self, text: str) -> None:
        """Know what is secret in an environment file, a line ``NAME=value`` each."""
        self.learn_variables(dict(line.partition("=")[::2] for line in text.splitlines() if "=" in line))

    def clean(self, text: str) -> str:
        """The text without them."""
        for form in sorted(self._forms, key=len, reverse=True):
            text = text.replace(form, REDACTED)
        for look in LOOKS:
            text = look.sub(REDACTED, text)
        return _NAMED.sub(_beside_its_name, text)


def _base64(secret: str) -> set[str]:
    """The characters that stand for the secret in base64, wherever in the encoded bytes it begins.

    The first and last of them may share bits with what is beside the secret, and are left out.
    """
    found = set()
    for shift in range(3):
        data = b"\0" * shift + secret.encode()
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            whole = encode(data).decode()
            sure = whole[(0, 2, 3)[shift] : len(data) * 8 // 6]
            found |= {sure} if len(sure) >= 2 * SHORTEST else set()
    return found


def _beside_its_name(match: re.Match[str]) -> str:
    name, value = match["name"], match["value"]
    hidden = is_secret_name(name) and not is_number(value) and value.lower() not in _EMPTY
    return f"{name}{match['between']}{REDACTED}" if hidden else match[0]


def is_number(text: str) -> bool:
    """Whether it is one: a count or a size, whatever its name says."""
    return re.fullmatch(r"[0-9]{1,6}(\.[0-9]+)?", text) is not None
