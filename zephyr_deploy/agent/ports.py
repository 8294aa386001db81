"""The ports of this node: whether one can be had, and who has it."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
LISTENS = "0A"
"""State of a socket that listens, as /proc/net/tcp writes it."""
STRANGER = "another program"
HTTP, HTTPS = 80, 443


def public(tls: str) -> tuple[int, ...]:
    """The ports that an exposed gateway takes, by who vouches for it (``internal``, ``acme``); else none."""
    return {"internal": (HTTPS,), "acme": (HTTP, HTTPS)}.get(tls, ())


def way_out(port: int) -> str:
    """What to do where another program has a port; the public ones cannot be others."""
    return "End that program" + ("." if port in {HTTP, HTTPS} else ", or choose another port (access.port).")


def is_free(address: str, port: int) -> bool:
    """Whether a program that starts now can listen there; connections that have ended do not count."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


def holder(port: int) -> str:
    """Who listens at a port: name and pid, or `STRANGER` where that cannot be told (a container's own network)."""
    wanted = {f"socket:[{inode}]" for inode in _inodes(port)}
    for process in sorted(PROC.glob("[0-9]*"), key=lambda path: int(path.name)) if wanted else ():
        with suppress(OSError):  # It has ended meanwhile.
            if any(_target(descriptor) in wanted for descriptor in (process / "fd").iterdir()):
                return f"{(process / 'comm').read_text().strip()} (pid {process.name})"
    return STRANGER


def _target(descriptor: Path) -> str:
    try:
        return os.readlink(descriptor)
    except OSError:  # closed meanwhile
        return ""


def _inodes(port: int) -> set[str]:
    """The sockets that listen at a port, of either family."""
    found = set()
    for family in ("tcp", "tcp6"):
        with suppress(OSError):  # no IPv6 here
            for line in (PROC / "net" / family).read_text().splitlines()[1:]:
                _, local, _, state, *rest = line.split()
                if state == LISTENS and int(local.rpartition(":")[2], 16) == port:
                    found.add(rest[5])
    return found
