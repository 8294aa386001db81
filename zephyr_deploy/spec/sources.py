"""Where a secret comes from: settings hold a reference to it, never the secret itself.

``env:NAME`` an environment variable, ``file:PATH`` a file of this user's alone, ``cmd:COMMAND`` what a program prints,
e.g. ``cmd:op read op://vault/item/field``.
"""

from __future__ import annotations

import os
import re
import shlex
import stat
import subprocess
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, PlainSerializer

from zephyr_deploy.errors import CredentialsError
from zephyr_deploy.spec.secret import REDACTED, Secret
from zephyr_deploy.spec.types import Allowed, arguments_without_secrets

COMMAND_S = 30.0
"""Longest wait for a program that gives a secret, in seconds."""
MOST = 16 * 1024
"""Bytes; what is longer is no key and no token."""
LEAST_KEY = 16
"""Characters of an API key: shorter ones can be guessed."""
WORDS = "env:NAME, file:PATH or cmd:COMMAND"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BEARER = re.compile(r"[A-Za-z0-9._~+/-]+=*")
"""What may follow ``Bearer`` in a header (RFC 6750, b68token)."""


def is_reference(text: object) -> bool:
    """Whether it says where a secret is; else it may be the secret."""
    kind, colon, rest = str(text).partition(":")
    if not colon or not rest.strip():
        return False
    match kind:
        case "env":
            return _VARIABLE.fullmatch(rest) is not None
        case "file":
            return True
        case "cmd":
            return _words(rest) != []
        case _:
            return False


def shown(text: object) -> str:
    """A reference for people and JSON; what is none is masked, and so are arguments that are secret by their name."""
    if not is_reference(text):
        return REDACTED
    kind, _, rest = str(text).partition(":")
    return f"cmd:{shlex.join(arguments_without_secrets(_words(rest)))}" if kind == "cmd" else f"{kind}:{rest}"


def _checked(text: str) -> str:
    if not is_reference(text):
        raise ValueError(f"write where it is, {WORDS}, and not the secret itself")
    return text


SecretSource = Annotated[
    str,
    AfterValidator(_checked),
    Allowed(f"a reference: {WORDS}"),
    PlainSerializer(shown, return_type=str, when_used="json"),
]


def api_key(reference: str | None) -> Secret | None:
    """The key that ``access.api_key_from`` names; None where it names none.

    Raises:
        CredentialsError: nothing is there, or it cannot be a key.
    """
    if reference is None:
        return None
    value = _read(reference, "access.api_key_from")
    if not _BEARER.fullmatch(value) or len(value) < LEAST_KEY:
        said = f"access.api_key_from: what {shown(reference)} gives cannot be an API key"
        hint = f"It takes {LEAST_KEY} or more letters, digits and ._~+/- (as `openssl rand -hex 32` prints them)."
        raise CredentialsError(said, hint=hint)
    return Secret(value)


def hub_token(reference: str | None) -> Secret | None:
    """The hub's token that ``model.token_from`` names; without one, ``HF_TOKEN`` or where `hf auth login` put it.

    Raises:
        CredentialsError: nothing is where it points to, or that cannot be a token.
    """
    if reference is None:
        from zephyr_deploy.hub import token

        found = token()
        return Secret(found) if found else None
    value = _read(reference, "model.token_from")
    if not value.isascii() or not value.isprintable() or " " in value:
        said = f"model.token_from: what {shown(reference)} gives cannot be a token"
        raise CredentialsError(said, hint="A token of the hub is one word, hf_...; see https://hf.co/settings/tokens.")
    return Secret(value)


def secret(reference: str, setting: str) -> Secret:
    """What a setting of that name points to, whatever it is.

    Raises:
        CredentialsError: nothing is there.
    """
    return Secret(_read(reference, setting))


def _read(reference: str, setting: str) -> str:
    kind, _, rest = reference.partition(":")
    reader = {"env": _variable, "file": _file, "cmd": _command}[kind]
    value = reader(rest, setting).strip()
    if not value:
        raise CredentialsError(f"{setting}: {shown(reference)} gives nothing", hint=f"Set it, or change {setting}.")
    return value


def _variable(name: str, setting: str) -> str:
    if name not in os.environ:
        raise CredentialsError(f"{setting}: the variable {name} is not set", hint=f"export {name}=...")
    return os.environ[name]


def _file(place: str, setting: str) -> str:
    path = Path(place).expanduser()
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe that nobody writes to is no reason to wait
        with os.fdopen(descriptor, "rb") as file:
            about = os.fstat(descriptor)
            if not stat.S_ISREG(about.st_mode):
                raise CredentialsError(f"{setting}: {path} is no file", hint=f"See: ls -l {shlex.quote(str(path))}")
            if stat.S_IMODE(about.st_mode) & 0o077:
                said = f"{setting}: {path} can be read by others (mode {stat.S_IMODE(about.st_mode):04o})"
                raise CredentialsError(said, hint=f"chmod 600 {shlex.quote(str(path))}")
            data = file.read(MOST + 1)
    except OSError as error:
        said = f"{setting}: {path} cannot be read: {error.strerror}"
        raise CredentialsError(said, hint=f"See: ls -l {shlex.quote(str(path))}") from error
    return _text(data, setting, str(path))


def _command(command: str, setting: str) -> str:
    """What the program prints; what it says on stderr, the user reads as it comes."""
    words, name = _words(command), shown(f"cmd:{command}").partition(":")[2]
    hint = "Run it by itself; it must print the secret, and nothing else."
    try:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=COMMAND_S, check=False)
    except subprocess.TimeoutExpired:
        # without its cause, which holds what the program had printed by then
        raise CredentialsError(f"{setting}: `{name}` did not end within {COMMAND_S:g} s", hint=hint) from None
    except OSError as error:
        raise CredentialsError(f"{setting}: `{name}` cannot be run: {error.strerror}", hint=hint) from error
    if done.returncode:
        said = f"{setting}: `{name}` ended with exit code {done.returncode}"
        raise CredentialsError(said, hint=f"What it said stands above. {hint}")
    return _text(done.stdout, setting, f"`{name}`")


def _text(data: bytes, setting: str, place: str) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = "\0"
    if len(data) > MOST or "\0" in text:
        # without its cause, which holds the bytes
        raise CredentialsError(f"{setting}: {place} gives no text of a secret", hint="See what it holds.") from None
    return text


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:
        return []
