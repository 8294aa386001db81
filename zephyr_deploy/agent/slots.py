"""The two places that a deployment has for an engine: their ports, and a gate before each.

A closed gate refuses new connections and leaves those that are open alone. An engine that is told to end closes its
port by itself, but a connection that reaches it in that very moment would be cut; behind a closed gate none does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.agent import ports
from zephyr_deploy.agent.errors import NodeError
from zephyr_deploy.agent.files import get_json, put_json
from zephyr_deploy.agent.layout import ROOT
from zephyr_deploy.agent.shell import run

if TYPE_CHECKING:
    from zephyr_deploy.agent.layout import Layout

FIRST_PORT, LAST_PORT = 18000, 18999
"""Where engines listen on the loopback interface, below the ports that Linux gives to clients (32768)."""
WIDTH = 10
"""Ports of a place: TGI needs three."""
GATE_TRIES = 5
LOOPBACK = "127.0.0.1"


class Slots:
    """The places of one deployment."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._file = layout.home / "slots.json"

    @property
    def known_ports(self) -> list[int]:
        """The first port of each place; none before they were chosen."""
        known = get_json(self._file)
        return [int(port) for port in known] if isinstance(known, list) else []

    @property
    def first_ports(self) -> list[int]:
        """The first port of each place; chosen when they are first asked for, and kept.

        Raises:
            NodeError: there is no room for them.
        """
        if known := self.known_ports:
            return known
        taken = {int(port) for path in ROOT.glob("*/slots.json") for port in get_json(path) or []}
        free = [
            p
            for p in range(FIRST_PORT, LAST_PORT, WIDTH)
            if p not in taken and all(ports.is_free(LOOPBACK, port) for port in range(p, p + WIDTH))
        ]
        if len(free) < 2:  # noqa: PLR2004 - the present engine's place, and the next one's
            raise NodeError("config", f"the ports from {FIRST_PORT} to {LAST_PORT} of the node are taken")
        put_json(self._file, free[:2])
        return free[:2]

    def other(self, port: int) -> int:
        """The place that is not at ``port``."""
        first, second = self.first_ports
        return second if port == first else first

    def require_free(self, first: int, count: int) -> None:
        """See that an engine can have its ``count`` ports from ``first`` on.

        Raises:
            NodeError: one is another program's.
        """
        for port in range(first, first + count):
            if not ports.is_free(LOOPBACK, port):
                said = f"port {port} of the node, where the engine is to listen, is taken by {ports.holder(port)}"
                raise NodeError("config", said, "End that program, then run it again.")

    def close(self, port: int) -> bool:
        """Refuse new connections to a place; whether that could be done."""
        return run(["iptables", "-w", "-I", *self._rule(port)]).ok

    def open_all(self) -> None:
        """Open every gate; one that was left closed by a call that was cut off is opened, too."""
        for port in self.known_ports:
            for _ in range(GATE_TRIES):
                if not run(["iptables", "-w", "-D", *self._rule(port)]).ok:
                    break

    def _rule(self, port: int) -> list[str]:
        match = ["INPUT", "-i", "lo", "-p", "tcp", "--syn", "--dport", str(port)]
        note = ["-m", "comment", "--comment", f"zephyr-deploy {self.layout.name}"]
        return [*match, *note, "-j", "REJECT", "--reject-with", "tcp-reset"]
