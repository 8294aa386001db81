"""Has the machines of a deployment watched while a benchmark runs: each by itself, over a connection of its own."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager, suppress
from socket import socket
from typing import TYPE_CHECKING, Any

from zephyr_deploy.bench.server.gpus import NOTHING, gpu_rows
from zephyr_deploy.bench.server.raw import Raw, of_level
from zephyr_deploy.bench.server.view import ServerMachine
from zephyr_deploy.bench.server.witness import Seen
from zephyr_deploy.bench.wire.rtt import rtt_ns
from zephyr_deploy.deploy.fleet import Fleet
from zephyr_deploy.errors import ZephyrError
from zephyr_deploy.events import Phases
from zephyr_deploy.node.program import call
from zephyr_deploy.release.request import watch_request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zephyr_deploy.node.connection import NodeConnection
    from zephyr_deploy.providers.nodes.record import NodesRecord

LONGEST_S = 12 * 3600.0
"""A node that nobody takes leave of stops by itself then, in seconds."""
FIRST_S = 10.0
"""Longest wait for a node's first word, in seconds."""
MARK_S = 3.0
"""Longest wait for the next reading, in seconds; they come every second."""
NS_PER_MS = 1e6


@contextmanager
def watching(record: NodesRecord) -> Iterator[list[NodeWitness]]:
    """A witness on each machine that has an engine, while the body runs.

    Raises:
        ZephyrError: a machine cannot be reached.
    """
    with Fleet.of(record, Phases()) as fleet:
        fleet.connect(members=fleet.members)
        found: list[NodeWitness] = []
        try:
            for member in fleet.members:
                assert member.connection is not None  # noqa: S101 - `connect` has just made it
                found.append(NodeWitness(record.name, member.connection, member.name if len(fleet.members) > 1 else ""))
            for witness in found:
                witness.wait(FIRST_S)
            yield found
        finally:
            for witness in found:
                witness.close()


class NodeWitness:
    """One machine: what it says each second is kept, and looked into when a level is over.

    How its clock and ours relate is known by its lines: the one that came soonest after it was sent took half a round
    trip of the connection, as TCP measures that.
    """

    def __init__(self, name: str, connection: NodeConnection, machine: str) -> None:
        self._connection, self._machine = connection, machine
        self._lines: list[tuple[int, str]] = []
        self._read: list[tuple[int, dict[str, Any]]] = []
        self._heard = threading.Condition()
        self._failure = ""
        self._over = False
        request = watch_request(name, LONGEST_S)
        self._thread = threading.Thread(target=self._listen, args=(request,), name="zephyr-watch", daemon=True)
        self._thread.start()

    def _listen(self, request: dict[str, Any]) -> None:
        try:
            call(self._connection, "watch", request, on_line=self._hear, deadline_s=LONGEST_S)
        except ZephyrError as error:
            self._failure = error.message
        finally:
            with self._heard:
                self._over = True
                self._heard.notify_all()

    def _hear(self, line: str) -> None:
        now_ns = time.perf_counter_ns()
        with self._heard:
            self._lines.append((now_ns, line))
            self._heard.notify_all()

    def wait(self, seconds: float, more: int = 1) -> None:
        """Wait until so many more lines have come, or for so long, in seconds."""
        with self._heard:
            wanted = len(self._lines) + more
            self._heard.wait_for(lambda: self._over or len(self._lines) >= wanted, seconds)

    def mark(self) -> None:
        """Wait for the next line: a machine reads by its own clock, every second."""
        self.wait(MARK_S)

    def seen(self, began_ns: int, ended_ns: int) -> Seen:
        """What it saw between two instants of our clock."""
        said = self._all()
        trip_ns = self._trip_ns()
        offset_ns = min((at_ns - line["now_ns"] for at_ns, line in said), default=0) - (trip_ns or 0) // 2
        told = [line["reading"] for _, line in said if line.get("reading")]
        raws = [Raw(reading["at_ns"] + offset_ns, reading) for reading in told]
        readings, failures = of_level(raws, began_ns, ended_ns)
        rows = gpu_rows((at_ns + offset_ns, row) for _, line in said for at_ns, row in line.get("rows") or ())
        gpus = [one for one in rows if one.near(began_ns, ended_ns)]
        whys = [f"its metrics could not be read: {why}" for why in failures]
        if self._failure:
            whys.append(f"it is not watched any more: {self._failure}")
        if said and said[0][1].get("gpus") and not gpus:
            whys.append(NOTHING.format(said[-1][1].get("words") or "nothing").rstrip("."))
        if not readings and not gpus and not whys:
            whys.append("it said nothing within the level")
        who = self._machine or "the machine"
        return Seen(
            readings=readings,
            gpus=gpus,
            notes=tuple(f"Of {who}: {why}." for why in whys),
            machine=self._machine,
            beyond_ms=None if trip_ns is None else trip_ns / NS_PER_MS,
        )

    def _all(self) -> list[tuple[int, dict[str, Any]]]:
        """Every line until now, and when it came."""
        new = self._lines[len(self._read) :]
        self._read += [(at_ns, json.loads(line)) for at_ns, line in new]
        return self._read

    def about(self) -> ServerMachine:
        """Its GPUs, and the version of its engine."""
        first = json.loads(self._lines[0][1]) if self._lines else {}
        gpus = first.get("gpus") or []
        return ServerMachine(
            engine_version=first.get("version") or None,
            gpus=tuple(str(gpu["name"]) for gpu in gpus),
            driver=str(gpus[0]["driver"]) if gpus else None,
        )

    def close(self) -> None:
        """Take leave: its program ends when nobody listens."""
        self._connection.close()
        self._thread.join(MARK_S)

    def _trip_ns(self) -> int | None:
        """TCP's smallest round trip; None: the way leads through another machine, or the system does not tell."""
        with suppress(ZephyrError, OSError):
            line = self._connection.transport.sock
            if isinstance(line, socket):
                return rtt_ns(line)
        return None
