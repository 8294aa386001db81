"""The key pair by which this user logs in to machines that were made for them."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from zephyr_deploy.errors import ConfigError
from zephyr_deploy.locks import acquire
from zephyr_deploy.node.held import GUEST, guest_for, public_text
from zephyr_deploy.node.knownhosts import write_private
from zephyr_deploy.paths import private_dir, state_dir

WAIT_S = 10.0


class LoginKey(NamedTuple):
    """Where the private key is, and the text of the public one."""

    private: Path | None
    """None: it is in no file."""
    public: str
    """``type base64``, without a comment."""
    held: str | None = None
    """What names it where it is in no file; see `zephyr_deploy.node.held`."""


def login_key(identity: Path | None = None, identity_from: str | None = None) -> LoginKey:
    """The user's own key, or the one that is made once for all machines that clouds make for this user.

    A guest's is made for this process alone.

    Args:
        identity: File of the user's private key, with the public one beside it as ssh-keygen leaves them.
        identity_from: Where the private key is, if it is in no file; wins.

    Raises:
        ConfigError: there is no such key.
        CredentialsError: what ``identity_from`` names gives none.
    """
    if identity_from is None and identity is None and guest_for() is not None:
        identity_from = GUEST
    if identity_from is not None:
        return LoginKey(None, public_text(identity_from), identity_from)
    path = state_dir() / "ssh" / "id_ed25519" if identity is None else identity
    if identity is None and not path.exists():
        _make(path)
    public = path.with_name(path.name + ".pub")
    try:
        words = public.read_text().split()
    except OSError as error:
        hint = f"ssh-keygen -y -f {path} > {public}"
        raise ConfigError(f"the public key {public} cannot be read: {error.strerror}", hint=hint) from error
    if len(words) < 2:  # noqa: PLR2004 - type and key
        raise ConfigError(f"{public} is no public key", hint=f"ssh-keygen -y -f {path} > {public}")
    return LoginKey(path, " ".join(words[:2]))


def _make(path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    private_dir(path.parent)
    lock = acquire(path.with_suffix(".lock"), WAIT_S)
    try:
        if path.exists():
            return
        key = Ed25519PrivateKey.generate()
        public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
        write_private(path.with_name(path.name + ".pub"), f"{public} zephyr-deploy\n")
        # Last, for whoever finds it takes the pair for whole.
        write_private(path, key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode())
    finally:
        lock.release()
