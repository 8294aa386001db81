"""The address of a machine, as a person writes it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import Field

from zephyr_deploy.errors import UsageError
from zephyr_deploy.spec.base import Frozen

# What they begin with keeps them from being read as options; what they hold keeps them on one line of any file.
HOST = r"^[A-Za-z0-9_:][A-Za-z0-9_.:%-]*$"
USER = r"^[A-Za-z0-9_.][A-Za-z0-9_.@+\\-]*\$?$"
SSH_PORT = 22


class NodeAddress(Frozen):
    """Where a machine is; what is None comes from ``~/.ssh/config``, or is ssh's default."""

    host: Annotated[str, Field(pattern=HOST)]
    """Name, IP address, or a ``Host`` of ``~/.ssh/config``."""
    user: Annotated[str, Field(pattern=USER)] | None = None
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    identity: Path | None = None
    """The private key to log in with; no other is tried then."""
    identity_from: str | None = None
    """Where that key is, if it is in no file: a reference, or `zephyr_deploy.node.held.GUEST`."""

    @classmethod
    def parse(cls, text: str, *, identity: Path | None = None) -> NodeAddress:
        """Read ``[user@]host[:port]``; an IPv6 address with a port stands in brackets, as in ``[::1]:2222``.

        Raises:
            UsageError: it is not of that form.
        """
        user, at, rest = text.rpartition("@")
        host, port = _host_and_port(rest)
        fits = re.fullmatch(HOST, host) and (not at or re.fullmatch(USER, user))
        if not fits or (port is not None and not _is_port(port)):
            raise UsageError(f"{text!r} is no address of a machine", hint="Write user@host, or user@host:2222.")
        return cls(host=host, user=user or None, port=None if port is None else int(port), identity=identity)

    @property
    def place(self) -> tuple[str, int]:
        """Which machine it is, whoever logs in: host and port."""
        return self.host.lower(), self.port or SSH_PORT

    def __str__(self) -> str:
        """As it could be typed."""
        user = f"{self.user}@" if self.user else ""
        host = f"[{self.host}]" if self.port and ":" in self.host else self.host
        return f"{user}{host}:{self.port}" if self.port else f"{user}{host}"


def known_name(host: str, port: int) -> str:
    """What ssh calls a machine in ``known_hosts``: ``host``, or ``[host]:port`` where the port is not 22."""
    return host.lower() if port == SSH_PORT else f"[{host.lower()}]:{port}"


def _host_and_port(text: str) -> tuple[str, str | None]:
    bracketed = re.fullmatch(r"\[([^\]]*)\](?::(.*))?", text)
    if bracketed:
        return bracketed[1], bracketed[2]
    host, colon, port = text.partition(":")
    if ":" in port:  # an IPv6 address by itself
        return text, None
    return host, port if colon else None


def _is_port(text: str) -> bool:
    return re.fullmatch(r"[0-9]{1,5}", text) is not None and 1 <= int(text) <= 65535  # noqa: PLR2004 - by definition
