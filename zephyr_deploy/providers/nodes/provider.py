"""What every provider of machines does with them, once it knows which they are."""

from __future__ import annotations

import time
from abc import abstractmethod
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from queue import Queue
from threading import Thread
from typing import TYPE_CHECKING

from zephyr_deploy.errors import NotDeployedError, ZephyrError
from zephyr_deploy.node.program import call
from zephyr_deploy.providers.base import NodeProvider, Service
from zephyr_deploy.providers.machines import FrontFound, MachineStatus
from zephyr_deploy.providers.nodes.connect import connect_noted
from zephyr_deploy.providers.nodes.look import Found, behind, read_look, read_status, rented
from zephyr_deploy.release.request import look_request, milestones, status_request

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from zephyr_deploy.node.address import NodeAddress
    from zephyr_deploy.providers.logs import LogQuery
    from zephyr_deploy.providers.nodes.record import NodesRecord

AT_ONCE = 16
LOOK_S = 60.0


class MachinesProvider(NodeProvider):
    """A provider that can say how the machines of a deployment are reached; the rest is asked of them."""

    @abstractmethod
    def records(self, name: str | None = None) -> Sequence[NodesRecord]:
        """The machines of deployment ``name``, or of every one there is here."""

    def services(self, name: str | None = None) -> list[Service]:
        """What runs on the machines, all asked at once; see `Provider.services`."""
        notes = self.records(name)
        if not notes:
            return []
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="look") as pool:
            looks = [[pool.submit(_look, record, address) for address in record.machines] for record in notes]
        return [
            service
            for record, asked in zip(notes, looks, strict=True)
            for service in _services(record, [look.result() for look in asked])
        ]

    def machines(self, name: str) -> list[MachineStatus]:
        """Every machine, all asked at once; see `Provider.machines`."""
        record = next(iter(self.records(name)), None)
        return [] if record is None else self.statuses(record)

    def statuses(self, record: NodesRecord) -> list[MachineStatus]:
        """How a deployment is doing on each machine of its note; one that cannot be asked says why."""
        with ThreadPoolExecutor(min(AT_ONCE, len(record.machines)), thread_name_prefix="status") as pool:
            found = list(pool.map(lambda address: _status(record, address), record.machines))
        front = found[-1].front
        return [_behind(machine, front) if front else machine for machine in found]

    def logs(self, name: str, query: LogQuery) -> Iterator[str]:
        """The journal of one machine, searched there; see `Provider.logs`."""
        record = next(iter(self.records(name)), None)
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
        of_entry = query.source == "gateway" and query.host is None
        return _lines(record, record.entry if of_entry else record.node(query.host), request)


def _look(record: NodesRecord, address: NodeAddress) -> Found | str:
    """What is on one machine; the reason where it cannot be asked."""
    try:
        with connect_noted(record, address) as node:
            answer = call(
                node,
                "look_front" if address == record.gateway else "look",
                look_request(record.name),
                deadline_s=LOOK_S,
            )
    except ZephyrError as error:
        return error.message
    found = read_look(answer, record.name, record.provider, address)
    return found.model_copy(update={"service": rented(found.service, record, found.ending)})


def _services(record: NodesRecord, looks: list[Found | str]) -> list[Service]:
    """The services of one deployment; on a machine that cannot be asked it is shown with the reason.

    Args:
        record: Of the deployment.
        looks: At each of its machines, in their order.
    """
    found = [
        _unasked(record, address, look) if isinstance(look, str) else look.service or _empty(record, address)
        for address, look in zip(record.nodes, looks, strict=False)
    ]
    services = [service for service in found if service]
    if record.gateway is None:
        return services
    last = looks[-1]
    if isinstance(last, str) or last.front is None or last.front.state == "failed":
        why = last if isinstance(last, str) else last.front.detail if last.front else "it is not there"
        return [_out_of_reach(service, f"its gateway {record.gateway}: {why}") for service in services]
    return [behind(service, last.front) for service in services]


def _out_of_reach(service: Service, why: str) -> Service:
    """A service whose gateway does not pass requests on."""
    return service.model_copy(update={"state": "unhealthy", "detail": why}) if service.state == "ready" else service


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
        price_per_hour_usd=record.price_per_hour_usd,
        rented_at=record.since,
        ends_at=record.expires,
    )


def _empty(record: NodesRecord, address: NodeAddress) -> Service | None:
    """What stands for a machine on which nothing serves, where it costs something all the same."""
    if not record.price_per_hour_usd:
        return None
    hint = f"nothing is deployed on it yet: `zephyr-deploy up {record.name}` goes on, `down` takes it away"
    return _unasked(record, address, hint).model_copy(update={"state": "failed"})


def _status(record: NodesRecord, address: NodeAddress) -> MachineStatus:
    """How one machine does; one that cannot be asked is shown with the reason."""
    role = "gateway" if address == record.gateway else "node"
    try:
        with connect_noted(record, address) as node:
            answer = call(
                node, "status" if role == "node" else "status_front", status_request(record.name), deadline_s=LOOK_S
            )
    except ZephyrError as error:
        stand_in = _unasked(record, address, error.message) if role == "node" else None
        found = MachineStatus(host=str(address), state="unreachable", detail=error.message, service=stand_in)
    else:
        found = read_status(answer, record.name, record.provider, address)
    service = rented(found.service, record, found.ending)
    return found.model_copy(update={"role": role, "service": service})


def _behind(machine: MachineStatus, front: FrontFound) -> MachineStatus:
    return machine.model_copy(update={"service": behind(machine.service, front) if machine.service else None})


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
