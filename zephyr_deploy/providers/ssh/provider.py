"""Machines of the user's own as a provider."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import TYPE_CHECKING

from zephyr_deploy.errors import NotDeployedError, ZephyrError
from zephyr_deploy.node.address import NodeAddress
from zephyr_deploy.node.program import call
from zephyr_deploy.providers.base import NodeProvider, Service
from zephyr_deploy.providers.machines import MachineStatus
from zephyr_deploy.providers.nodes.connect import connect_noted
from zephyr_deploy.providers.nodes.look import read_look, read_status
from zephyr_deploy.providers.nodes.record import record_of, records
from zephyr_deploy.release.request import look_request, milestones, status_request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zephyr_deploy.providers.logs import LogQuery
    from zephyr_deploy.providers.nodes.record import NodesRecord
    from zephyr_deploy.spec.deployment import Deployment

AT_ONCE = 16
LOOK_S = 60.0


class SshProvider(NodeProvider):
    """The hosts that the user names."""

    name = "ssh"

    def nodes(self, deployment: Deployment) -> tuple[NodeAddress, ...]:
        """``machine.host`` and ``machine.hosts``; what an address says itself wins over ``user`` and ``ssh_port``."""
        machine = deployment.machine
        identity = Path(machine.identity).expanduser() if machine.identity else None
        hosts = (*((machine.host,) if machine.host else ()), *machine.hosts)
        named = [NodeAddress.parse(host, identity=identity) for host in hosts]
        return tuple(
            address.model_copy(update={"user": address.user or machine.user, "port": address.port or machine.ssh_port})
            for address in named
        )

    def services(self, name: str | None = None) -> list[Service]:
        """What runs on the machines that this user's notes name, all asked at once; see `Provider.services`."""
        meant = [record for record in records("ssh") if name in {None, record.name}]
        asked = [(record, address) for record in meant for address in record.nodes]
        if not asked:
            return []
        with ThreadPoolExecutor(min(AT_ONCE, len(asked)), thread_name_prefix="look") as pool:
            return [service for service in pool.map(lambda pair: _look(*pair), asked) if service]

    def machines(self, name: str) -> list[MachineStatus]:
        """Every machine that this user's note names, all asked at once; see `Provider.machines`."""
        record = record_of(name)
        if record is None or record.provider != self.name:
            return []
        with ThreadPoolExecutor(min(AT_ONCE, len(record.nodes)), thread_name_prefix="status") as pool:
            return list(pool.map(lambda address: _status(record, address), record.nodes))

    def logs(self, name: str, query: LogQuery) -> Iterator[str]:
        """The journal of one machine, searched there; see `Provider.logs`."""
        record = record_of(name)
        if record is None:
            raise NotDeployedError(f"there is no log of {name}", hint=f"Start it with `zephyr-deploy up {name}`.")
        request = {
            "name": name,
            "lines": query.lines,
            "follow": query.follow,
            "since": query.since.timestamp() if query.since else None,
            "now": time.time(),
            "grep": query.grep,
            "phase": query.phase,
            "source": query.source,
            "milestones": milestones(),
        }
        return _lines(record, record.node(query.host), request)


def _look(record: NodesRecord, address: NodeAddress) -> Service | None:
    """The service on one machine; one that cannot be asked is shown with the reason."""
    try:
        with connect_noted(record, address) as node:
            answer = call(node, "look", look_request(record.name), deadline_s=LOOK_S)
    except ZephyrError as error:
        return _unasked(record, address, error.message)
    return read_look(answer, record.name, "ssh", address).service


def _unasked(record: NodesRecord, address: NodeAddress, why: str) -> Service:
    """What stands for the service on a machine that cannot be asked."""
    return Service(
        name=record.name,
        provider=record.provider,
        release="",
        state="unhealthy",
        engine="tgi",
        model_id="",
        url=f"http://127.0.0.1:{record.port}",
        host=str(address),
        started_at=datetime.now(timezone.utc),
        detail=why,
    )


def _status(record: NodesRecord, address: NodeAddress) -> MachineStatus:
    """How one machine does; one that cannot be asked is shown with the reason."""
    try:
        with connect_noted(record, address) as node:
            answer = call(node, "status", status_request(record.name), deadline_s=LOOK_S)
    except ZephyrError as error:
        stand_in = _unasked(record, address, error.message)
        return MachineStatus(host=str(address), state="unreachable", detail=error.message, service=stand_in)
    return read_status(answer, record.name, record.provider, address)


def _lines(record: NodesRecord, address: NodeAddress, request: dict[str, object]) -> Iterator[str]:
    """The lines of a log as they come: the call runs in a thread, and its connection is closed when nobody reads on."""
    with connect_noted(record, address) as node:
        lines: Queue[str | BaseException | None] = Queue()

        def work() -> None:
            try:
                call(node, "logs", request, on_line=lines.put)
                lines.put(None)
            except BaseException as error:  # noqa: BLE001 - raised again below, where the lines are read
                lines.put(error)

        thread = Thread(target=work, name="logs", daemon=True)
        thread.start()
        while (item := lines.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
