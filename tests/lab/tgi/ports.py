"""The ports that TGI takes, and what it says when it cannot have them."""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lab.tgi.log import Log

    from zephyr_deploy.engines.tgi.flags import TgiFlags

PORT, PROMETHEUS_PORT = 3000, 9000
ANY = "0.0.0.0"
TAKEN = "Address already in use"


def bind(flags: TgiFlags, out: Log) -> socket.socket:
    """Take the metrics' port for an instant, as TGI does, and then the port that is served.

    Raises:
        OSError: one is taken; with TGI's words.
    """
    try:
        socket.create_server((ANY, flags.prometheus_port or PROMETHEUS_PORT)).close()
    except OSError as error:
        refused = f'FailedToCreateHTTPListener("{TAKEN} (os error 98)")'
        raise OSError(f"failed to build prometheus recorder: {refused}") from error
    host, port = _host(flags, out), PORT if flags.port is None else flags.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        raise OSError(f"Failed to bind to {host}:{port}: {TAKEN} (os error 98)") from error


def _host(flags: TgiFlags, out: Log) -> str:
    """Docker sets HOSTNAME to the container's id, which is no address: TGI warns and takes all interfaces."""
    try:
        return str(ipaddress.ip_address(flags.hostname or ANY))
    except ValueError:
        out.warn("Invalid hostname, defaulting to 0.0.0.0", target="text_generation_router::server")
        return ANY
