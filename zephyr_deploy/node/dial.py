"""The way to a machine's SSH port: straight, by a program, or through another machine."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from zephyr_deploy.errors import UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from zephyr_deploy.node.deadline import Deadline
    from zephyr_deploy.node.route import Route

SILENCE_S = 30
"""After that many seconds without an acknowledgement the kernel calls a connection lost (where it can)."""
END_S = 2.0


class Line(NamedTuple):
    """An open way; ``close`` ends what holds it open."""

    socket: socket.socket
    close: Callable[[], None]


def dial(route: Route, deadline: Deadline) -> Line:
    """Open the way to ``route``, whose jump is not looked at.

    Raises:
        UnreachableError: it cannot be opened; says why.
    """
    if route.proxy_command:
        return _by_program(route, route.proxy_command)
    connection = _straight(route, deadline)
    return Line(connection, connection.close)


def _straight(route: Route, deadline: Deadline) -> socket.socket:
    addresses = _look_up(route, deadline)
    last = OSError(errno.ETIMEDOUT, "timed out")
    for count, (family, address) in enumerate(addresses):
        connection = socket.socket(family, socket.SOCK_STREAM)
        connection.settimeout(max(0.01, deadline.left() / (len(addresses) - count)))
        try:
            connection.connect(address)
        except OSError as error:
            connection.close()
            last = error
        else:
            return _tuned(connection)
    raise _no_way(route, last, deadline) from last


def _tuned(connection: socket.socket) -> socket.socket:
    """Every packet leaves at once, and a peer that vanished is noticed."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SILENCE_S * 1000)
    return connection


def _look_up(route: Route, deadline: Deadline) -> list[tuple[int, tuple[str, int]]]:
    """The addresses of a name; the resolver knows no deadline, so it works beside and may be left behind."""
    found: list[tuple[int, tuple[str, int]]] = []
    failed: list[OSError] = []

    def work() -> None:
        try:
            answers = socket.getaddrinfo(route.host, route.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            failed.append(error if isinstance(error, OSError) else OSError(str(error)))
        else:
            found.extend((family, address) for family, _, _, _, address in answers)  # type: ignore[misc]

    worker = threading.Thread(target=work, name="zephyr-node-resolve", daemon=True)
    worker.start()
    worker.join(deadline.left())
    if found:
        return found
    why = failed[0].strerror or str(failed[0]) if failed else f"no answer within {deadline.seconds:g} s"
    hint = "Check the name, or use the machine's IP address."
    raise UnreachableError(f"the name {route.host} cannot be resolved: {why}", hint=hint)


def _no_way(route: Route, error: OSError, deadline: Deadline) -> UnreachableError:
    place, details = route.place, {"host": route.host, "port": route.port}
    if isinstance(error, TimeoutError) or error.errno == errno.ETIMEDOUT:
        hint = "Is the machine up, the address right, and does its firewall let you in?"
        return UnreachableError(f"{place} did not answer within {deadline.seconds:g} s", hint=hint, details=details)
    if isinstance(error, ConnectionRefusedError):
        hint = f"Is sshd running there, on port {route.port}? A machine that is starting needs a moment."
        return UnreachableError(f"{place} refused the connection", hint=hint, details=details)
    if error.errno in {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EADDRNOTAVAIL}:
        hint = "Is your network, or VPN, up, and the address right?"
        return UnreachableError(f"there is no route to {place}", hint=hint, details=details)
    hint = f"Try: ssh -v -p {route.port} {route.user}@{route.host}"
    return UnreachableError(f"{place} cannot be reached: {error.strerror or error}", hint=hint, details=details)


def _by_program(route: Route, command: str) -> Line:
    """Let ``ProxyCommand`` carry the bytes over a socket pair, whose end is seen, unlike that of a pipe's select."""
    ours, theirs = socket.socketpair()
    shell, end = os.environ.get("SHELL") or "/bin/sh", theirs.fileno()
    try:
        # The user's own line of the user's own configuration, run as ssh runs it (ssh_config(5)).
        program = subprocess.Popen([shell, "-c", f"exec {command}"], stdin=end, stdout=end, start_new_session=True)
    except OSError as error:
        ours.close()
        hint = f"See: ssh -G {route.asked}"
        raise UnreachableError(f"ProxyCommand cannot be run: {error.strerror}", hint=hint) from error
    finally:
        theirs.close()

    def close() -> None:
        ours.close()
        program.terminate()
        try:
            program.wait(END_S)
        except subprocess.TimeoutExpired:
            program.kill()
            with suppress(subprocess.TimeoutExpired):
                program.wait(END_S)

    return Line(ours, close)
