"""Logging in: which keys are tried, in which order, and what is said when none fits.

Passwords and passphrases are never asked for: a deployment must run without a person.
"""

from __future__ import annotations

import base64
import socket
import struct
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from paramiko import (
    AuthenticationException,
    BadAuthenticationType,
    PasswordRequiredException,
    PKey,
    SSHException,
    Transport,
)
from paramiko.agent import AgentKey, AgentSSH
from paramiko.pkey import UnknownKeyType

from zephyr_deploy.errors import CredentialsError, UnreachableError
from zephyr_deploy.node.held import held_key, label_of
from zephyr_deploy.node.route import DEFAULT_KEYS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from zephyr_deploy.node.deadline import Deadline
    from zephyr_deploy.node.route import Route

AGENT_S = 30.0
"""How long an agent may take over one answer, in seconds: it may wait for a touch or a click."""


class Candidate(NamedTuple):
    """One key to try."""

    label: str
    key: PKey


class Login:
    """Tries the keys of one route; the ``auth_strategy`` that paramiko's client is given."""

    def __init__(self, route: Route, deadline: Deadline) -> None:
        self._route = route
        self._deadline = deadline
        self._tried: list[str] = []
        self._locked: list[Path] = []
        """Encrypted keys that no agent holds."""

    def authenticate(self, transport: Transport) -> None:
        """Log in.

        Raises:
            CredentialsError: no key fits, or the chosen one cannot be used.
            UnreachableError: the node fell silent meanwhile.
        """
        with _agent(self._route) as agent:
            for candidate in self._candidates(agent):
                if self._fits(transport, candidate):
                    return
                if not transport.is_active():
                    raise self._refused("; the node ended the login after that many keys")
        raise self._refused("")

    def _candidates(self, agent: tuple[AgentKey, ...]) -> Iterator[Candidate]:
        """Every key once: those chosen, then the agent's, then ssh's default ones."""
        offered: set[bytes] = set()
        for candidate in self._all(agent):
            blob = candidate.key.asbytes()
            if blob not in offered:
                offered.add(blob)
                yield candidate

    def _all(self, agent: tuple[AgentKey, ...]) -> Iterator[Candidate]:
        if self._route.identity_from is not None:
            yield Candidate(label_of(self._route.identity_from), held_key(self._route.identity_from))
            return
        for path in self._route.identities:
            yield from self._from_file(path, agent, chosen=True)
        if not self._route.only_identities:
            for key in agent:
                yield Candidate(f"{key.comment or key.get_name()} of the agent", key)
        if not self._route.identities:
            for name in DEFAULT_KEYS:
                yield from self._from_file(_home(name), agent, chosen=False)

    def _from_file(self, path: Path, agent: tuple[AgentKey, ...], *, chosen: bool) -> Iterator[Candidate]:
        """The key of a file; from the agent if it is encrypted, or if the file is its public half."""
        try:
            public = _public_blob(path)
            held = [key for key in agent if key.asbytes() == public]
            if held:
                yield Candidate(f"{path} of the agent", held[0])
            elif path.suffix == ".pub":
                if chosen:
                    self._locked.append(path)
            else:
                yield Candidate(str(path), PKey.from_path(path))
        except FileNotFoundError:
            self._mind(path, "there is no such file", chosen=chosen)
        except OSError as error:
            self._mind(path, str(error.strerror), chosen=chosen)
        except (TypeError, PasswordRequiredException):  # how cryptography, and paramiko, say "encrypted"
            self._locked.append(path)
        except (ValueError, SSHException, UnknownKeyType, UnsupportedAlgorithm):
            self._mind(path, "it is no private key that can be read", chosen=chosen)

    def _mind(self, path: Path, why: str, *, chosen: bool) -> None:
        """A chosen key that cannot be used is an error where the user gave it, and else passed over."""
        if chosen and self._route.only_identities and len(self._route.identities) == 1:
            hint = "Name another with --identity, or none to use your agent and ssh's default keys."
            raise CredentialsError(f"the key {path} cannot be used: {why}", hint=hint)

    def _fits(self, transport: Transport, candidate: Candidate) -> bool:
        self._tried.append(candidate.label)
        transport.auth_timeout = self._deadline.left()
        try:
            missing = transport.auth_publickey(self._route.user, candidate.key)
        except BadAuthenticationType as error:
            allowed = f", only: {', '.join(error.allowed_types)}" if error.allowed_types else ""
            hint = "Put your public key into ~/.ssh/authorized_keys there, and allow PubkeyAuthentication."
            raise CredentialsError(f"{self._route} takes no keys{allowed}", hint=hint) from error
        except (SSHException, EOFError, OSError) as error:
            if self._deadline.over:
                raise UnreachableError(
                    f"{self._route.place} did not answer the login within {self._deadline.seconds:g} s",
                    hint="The machine may be starting or overloaded; try again.",
                ) from error
            if isinstance(error, AuthenticationException) or transport.is_active():
                return False
            raise
        if missing:
            hint = "Let keys alone suffice for this user, as a machine that is deployed to must."
            raise CredentialsError(f"{self._route} wants more than a key: {', '.join(missing)}", hint=hint)
        return True

    def _refused(self, more: str) -> CredentialsError:
        details = {"user": self._route.user, "host": self._route.host, "tried": self._tried}
        if self._locked:
            path = self._locked[0]
            message = (
                f"{path} is encrypted, and no agent holds it"
                if path.suffix != ".pub"
                else (f"no agent holds the key of {path}")
            )
            tried = f"; {self._route} refused {_list(self._tried)}" if self._tried else ""
            return CredentialsError(
                message + tried,
                hint=f"ssh-add {path.with_suffix('') if path.suffix == '.pub' else path}",
                details=details,
            )
        if not self._tried:
            hint = "Name a key with --identity, or load one: ssh-add KEY"
            return CredentialsError(f"there is no key to log in to {self._route} with", hint=hint, details=details)
        hint = "Name the right key with --identity, the right user as user@host, or load the key: ssh-add KEY"
        return CredentialsError(f"{self._route} refused {_list(self._tried)}{more}", hint=hint, details=details)


class _SocketAgent(AgentSSH):  # type: ignore[misc]
    """The agent behind one socket; paramiko's own knows only ``SSH_AUTH_SOCK``, not ``IdentityAgent``."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__()
        self._connect(connection)


@contextmanager
def _agent(route: Route) -> Iterator[tuple[AgentKey, ...]]:
    """The keys that the agent holds; none if it does not answer."""
    if route.agent is None:
        yield ()
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(AGENT_S)
        try:
            connection.connect(str(route.agent))
            agent = _SocketAgent(connection)
        except (OSError, SSHException, struct.error):
            keys: tuple[AgentKey, ...] = ()
        else:
            keys = agent.get_keys()
        yield keys


def _home(name: str) -> Path:
    from pathlib import Path

    return Path(name).expanduser()


def _public_blob(path: Path) -> bytes | None:
    """The public half of a key file, which OpenSSH's format has in the clear, or of the ``.pub`` file beside it."""
    from paramiko import Message

    text = path.read_text(errors="replace")
    if text.startswith("-----BEGIN OPENSSH PRIVATE KEY-----"):
        body = base64.b64decode("".join(text.split("-----")[2].split()))
        message = Message(body.removeprefix(b"openssh-key-v1\0"))
        for _ in ("cipher", "kdf", "kdf options"):
            message.get_binary()
        message.get_int()
        return bytes(message.get_binary())
    if text.startswith("-----"):
        beside = path.with_name(path.name + ".pub")
        return _public_blob(beside) if beside.is_file() else None
    return base64.b64decode(text.split()[1]) if len(text.split()) > 1 else None


def _list(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
