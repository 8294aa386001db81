"""Keys to log in with that are in no file: this process holds them in memory, and nobody else can use them.

A guest's is made for one process and dies with it. A deploy key is read from where its secret is, e.g. the variable
that a CI's secret store fills. Importing this loads neither paramiko nor cryptography.
"""

from __future__ import annotations

import io
import os
import subprocess
from functools import cache
from typing import TYPE_CHECKING

from zephyr_deploy.errors import ConfigError, CredentialsError
from zephyr_deploy.spec.durations import parse_duration
from zephyr_deploy.spec.sources import secret, shown

if TYPE_CHECKING:
    from datetime import timedelta

    from paramiko import PKey

GUEST = "guest"
"""In place of a reference: the key that this process has made for itself."""
VARIABLE = "ZEPHYR_GUEST"
LEAST_S, MOST_S = 60.0, 24 * 3600.0
"""A minute is what a login may take; a day is more than a job runs, and its key is not to be forgotten."""
AGENT_S = 10.0


def guest_for() -> timedelta | None:
    """How long this process is a guest, by ``ZEPHYR_GUEST``; None: it is none.

    Raises:
        ConfigError: that is no such length of time.
    """
    text = os.environ.get(VARIABLE)
    if text is None:
        return None
    hint = f"Write {VARIABLE}=30m: a length of time from a minute to a day, or unset it."
    try:
        found = parse_duration(text)
    except ValueError as error:
        raise ConfigError(f"{VARIABLE}={text}: {error}", hint=hint) from error
    if not LEAST_S <= found.total_seconds() <= MOST_S:
        raise ConfigError(f"{VARIABLE}={text} is not from a minute to a day", hint=hint)
    return found


def label_of(reference: str) -> str:
    """What a key is called in messages."""
    return "the key of this run" if reference == GUEST else f"the key from {shown(reference)}"


def held_key(reference: str) -> PKey:
    """The private key.

    Raises:
        CredentialsError: nothing is there, or it is no key that can be used without a passphrase.
    """
    if reference == GUEST:
        return _own()
    # A program that gives it may ask its user; variables and files cost nothing.
    text = (
        _printed(reference)
        if reference.startswith("cmd:")
        else secret(reference, "machine.identity_from").get_secret_value()
    )
    return _read(text, reference)


def public_text(reference: str) -> str:
    """The public half, ``type base64``; raises as `held_key`."""
    key = held_key(reference)
    return f"{key.get_name()} {key.get_base64()}"


def require_agent(reference: str, what: str) -> None:
    """See that OpenSSH, which gets no key of this process, finds it in the user's agent.

    Args:
        reference: To the key.
        what: What uses OpenSSH, for the message.

    Raises:
        ConfigError: the agent does not hold it, or there is none.
    """
    said = f"{what} uses OpenSSH, which needs its key in a file or an agent, and {label_of(reference)} is in neither"
    if reference == GUEST:
        raise ConfigError(said, hint=f"Unset {VARIABLE}, or name a key of yours: machine.identity.")
    if public_text(reference) not in _agent():
        kind, _, rest = shown(reference).partition(":")
        load = {"env": f"printenv {rest} | ssh-add -", "file": f"ssh-add {rest}"}.get(kind, f"{rest} | ssh-add -")
        raise ConfigError(said, hint=f'Load it: eval "$(ssh-agent)"; {load}')


@cache
def _own() -> PKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    made = Ed25519PrivateKey.generate()
    return _read(made.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode(), GUEST)


@cache
def _printed(reference: str) -> str:
    return secret(reference, "machine.identity_from").get_secret_value()


def _read(text: str, reference: str) -> PKey:
    """A key from its text; paramiko itself finds out which kind it is only where there is a file."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from paramiko import ECDSAKey, Ed25519Key, PasswordRequiredException, RSAKey, SSHException

    kinds = {ed25519.Ed25519PrivateKey: Ed25519Key, rsa.RSAPrivateKey: RSAKey, ec.EllipticCurvePrivateKey: ECDSAKey}
    text = text.replace("\r\n", "\n").strip() + "\n"
    ours = text.startswith("-----BEGIN OPENSSH PRIVATE KEY-----")
    load = serialization.load_ssh_private_key if ours else serialization.load_pem_private_key
    try:
        loaded = load(text.encode(), password=None)
        kind = next((kind for family, kind in kinds.items() if isinstance(loaded, family)), None)
        if kind is not None:
            return kind.from_private_key(io.StringIO(text))
    except (TypeError, PasswordRequiredException):  # how cryptography, and paramiko, say "encrypted"
        said = f"{label_of(reference)} is encrypted, and nobody is there to be asked for its passphrase"
        hint = "Make one for this alone, without a passphrase: ssh-keygen -t ed25519 -N '' -f deploy_key"
        raise CredentialsError(said, hint=hint) from None
    except (ValueError, SSHException, UnsupportedAlgorithm):
        pass  # Without its cause, which may hold what it could not read.
    hint = "It takes the whole file, from -----BEGIN to -----END, as ssh-keygen writes it."
    raise CredentialsError(f"{label_of(reference)} is no private key that can be read", hint=hint)


def _agent() -> set[str]:
    """The public keys that the user's agent holds."""
    try:
        done = subprocess.run(["ssh-add", "-L"], capture_output=True, text=True, timeout=AGENT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return set()
    return {" ".join(line.split()[:2]) for line in done.stdout.splitlines()}
