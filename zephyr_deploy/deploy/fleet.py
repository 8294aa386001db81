"""The machines of one deployment while a verb works on them: connections, looks, and calls, side by side."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, nullcontext
from threading import Lock
from typing import TYPE_CHECKING, Any

from zephyr_deploy.deploy import guests
from zephyr_deploy.deploy.journal import Journal
from zephyr_deploy.deploy.known import known
from zephyr_deploy.errors import UnreachableError, ZephyrError
from zephyr_deploy.events import PhaseFinished, PhaseProgress, PhaseStarted
from zephyr_deploy.node.program import NoPythonError, call
from zephyr_deploy.providers.nodes.connect import connect, hinting, trust_in
from zephyr_deploy.providers.nodes.look import Found, behind, read_look, rented
from zephyr_deploy.providers.registry import is_cloud
from zephyr_deploy.release.request import admit_request, digests_request, look_request, meet_request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    from typing_extensions import Self

    from zephyr_deploy.events import Event, Phases
    from zephyr_deploy.node.address import NodeAddress
    from zephyr_deploy.node.connection import NodeConnection
    from zephyr_deploy.node.hostkeys import Pinned, Trust
    from zephyr_deploy.plan.machine import NodeFacts
    from zephyr_deploy.providers.base import NodeProvider, Service
    from zephyr_deploy.providers.machines import Ending, FrontFound, Trial
    from zephyr_deploy.providers.nodes.record import NodesRecord
    from zephyr_deploy.release.serving import Serving
    from zephyr_deploy.spec.base import ProviderName
    from zephyr_deploy.spec.deployment import Deployment

AT_ONCE = 32
LOOK_S = 90.0


class Member:
    """One machine: its address, its connection once there is one, and what the last look found."""

    def __init__(self, fleet: Fleet, address: NodeAddress) -> None:
        self.address = address
        self.name = str(address)
        self.connection: NodeConnection | None = None
        self.found: Found | None = None
        self.has_python = True
        """False: it could not be looked at, for the program that looks needs Python."""
        self._fleet = fleet

    @property
    def is_gateway(self) -> bool:
        """Whether it is to be in front of the others."""
        return self is self._fleet.gateway

    @property
    def facts(self) -> NodeFacts:
        """What the machine is."""
        return self._looked.facts

    @property
    def caller(self) -> str:
        """This machine, as that one sees it."""
        return self._looked.caller

    @property
    def here(self) -> str:
        """Its address, as other machines of its network reach it."""
        return self._looked.here

    @property
    def peers(self) -> tuple[str, ...]:
        """The machines that its gateway spreads requests over."""
        return self._looked.peers

    @property
    def allowed(self) -> str:
        """The network that the exposed endpoint there is open to already; empty where none is exposed."""
        return self._looked.allowed

    @property
    def front(self) -> FrontFound | None:
        """The gateway, where this machine has it for itself."""
        return self._looked.front

    @property
    def admits(self) -> str:
        """Address of the gateway on a machine of its own that a node lets in."""
        return self._looked.admits

    @property
    def authority(self) -> str:
        """The certificate by which other machines know a node, as PEM; empty before its gateway has made one."""
        return self._looked.authority

    @property
    def taken(self) -> tuple[tuple[int, str], ...]:
        """Ports that were to be free, and that another program has, and which."""
        return self._looked.taken

    @property
    def lock(self) -> str:
        """The lock of the release that serves there, as JSON; empty if none does."""
        return self._looked.lock

    @property
    def serving(self) -> Serving | None:
        """What the speed of that release's engine hangs on; None where it does not say."""
        return self._looked.serving

    @property
    def ending(self) -> Ending | None:
        """When it ends itself, by its own word; None: it does not."""
        return self._looked.ending

    @property
    def service(self) -> Service | None:
        """What serves there."""
        return self._looked.service

    @property
    def trial(self) -> Trial | None:
        """Of the release that serves there; None: it was judged, or was never to be."""
        return self._looked.trial

    @property
    def _looked(self) -> Found:
        if self.found is None:
            raise UnreachableError(f"{self.name} has not been looked at", hint="Run it again.")
        return self.found

    def call(self, verb: str, request: dict[str, Any], **options: Any) -> dict[str, Any]:
        """Have the machine do something; its phases become phases here.

        Raises:
            ZephyrError: see `zephyr_deploy.node.program.call`.
        """
        if self.connection is None:
            raise UnreachableError(f"there is no connection to {self.name}", hint="Run it again.")
        return call(self.connection, verb, request, listener=self._listen, **options)

    def _listen(self, event: Event) -> None:
        self._fleet.hear(self, event)


class Fleet:
    """All machines of one deployment; as a context manager it closes what it opened.

    Args:
        name: Of the deployment.
        provider: Where its machines come from.
        addresses: Of its nodes.
        phases: What is told of.
        gateway: The machine in front of the nodes, where there is one.
        noted: What is known of the machine beyond its address, where a cloud made it.
    """

    def __init__(
        self,
        name: str,
        provider: ProviderName,
        addresses: Sequence[NodeAddress],
        phases: Phases,
        *,
        gateway: NodeAddress | None = None,
        noted: NodesRecord | None = None,
    ) -> None:
        self.name = name
        self.provider = provider
        self.phases = phases
        self.members = [Member(self, address) for address in addresses]
        """The nodes."""
        self.gateway = Member(self, gateway) if gateway else None
        self.noted = noted
        self._held = ExitStack()
        self._hearing = Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._held.close()

    @classmethod
    def of(cls, record: NodesRecord, phases: Phases) -> Fleet:
        """The machines that a note names."""
        return cls(record.name, record.provider, record.nodes, phases, gateway=record.gateway, noted=record)

    @classmethod
    def wanted(cls, deployment: Deployment, provider: NodeProvider, phases: Phases) -> Fleet:
        """The machines that the deployment is to be on; those of a cloud let this user in, whoever made them."""
        if is_cloud(provider.name):
            known(deployment.name)
        nodes, gateway = provider.nodes(deployment), provider.gateway(deployment)
        return cls(deployment.name, deployment.provider, nodes, phases, gateway=gateway)

    @property
    def machines(self) -> list[Member]:
        """The nodes, and then the gateway's machine where it has its own."""
        return [*self.members, *((self.gateway,) if self.gateway else ())]

    @property
    def services(self) -> list[Service]:
        """What serves on the nodes, as others reach it."""
        found = [member.service for member in self.members if member.service]
        front = self.gateway.front if self.gateway else None
        return [behind(service, front) for service in found] if front else found

    @property
    def several(self) -> bool:
        """Whether what is told has to name the machine."""
        return len(self.machines) > 1

    def connect(
        self, trust: Trust | None = None, journal: Journal | None = None, members: Sequence[Member] | None = None
    ) -> None:
        """Connect to every machine; a pin that is made is written into the journal, which is the audit of it.

        Args:
            trust: What may make a pin; None: what is pinned, or known to the user's own ssh.
            journal: For the pins; None: one of its own.
            members: Only these; a connection that one of them has is closed first.

        Raises:
            HostKeyError, CredentialsError, UnreachableError: of the first that cannot be reached.
        """
        audit = journal or Journal(self.name)
        if guests.overstays(self.name):
            known(self.name)

        def pinned(pin: Pinned) -> None:
            facts = {"host": pin.name, "fingerprint": pin.key.fingerprint, "source": pin.source}
            audit.done("pin", **facts, replaced=" ".join(pin.replaced))
            self.phases.notice(f"Pinned the host key of {pin.name}: {pin.key.fingerprint} ({pin.source}).")

        def work(member: Member) -> None:
            if member.connection is not None:
                member.connection.close()
            with hinting(self.noted) if self.noted else nullcontext():
                member.connection = connect(
                    self.name,
                    member.address,
                    (self.noted and trust_in(self.noted)) or trust,
                    several=self.several,
                    on_pinned=pinned,
                )
            self._held.callback(member.connection.close)

        with self.phases.phase("connect", "Connect"):
            self.each(self.machines if members is None else members, work)

    def look(
        self,
        members: Sequence[Member] | None = None,
        *,
        python_may_lack: bool = False,
        ports: Sequence[tuple[str, int]] = (),
    ) -> None:
        """Look at every machine.

        Args:
            members: Only at these.
            ports: What is to be free on the gateway's machine, each with its address; see `Member.taken`.
            python_may_lack: Let a machine pass that has no Python; `Member.has_python` tells of it.

        Raises:
            ZephyrError: the first that cannot be looked at.
        """

        def work(member: Member) -> None:
            try:
                verb, asked = ("look_front", {"ports": list(ports)}) if member.is_gateway else ("look", {})
                answer = member.call(verb, {**look_request(self.name), **asked}, deadline_s=LOOK_S)
            except NoPythonError:
                member.has_python = False
                if not python_may_lack:
                    raise
            else:
                member.has_python = True
                found = read_look(answer, self.name, self.provider, member.address)
                service = rented(found.service, self.noted, found.ending) if self.noted else found.service
                member.found = found.model_copy(update={"service": service})

        with self.phases.phase("look", "Look at the machines" if self.several else "Look at the machine"):
            self.each(self.machines if members is None else members, work)

    def digests(self, images: Sequence[str]) -> dict[str, str]:
        """The digests of images in their registry now, asked by the first machine with its own credentials.

        Raises:
            ZephyrError: there is no such image, or the registry does not answer.
        """
        answer = self.members[0].call("digests", digests_request(images), deadline_s=LOOK_S)
        return {str(name): str(digest) for name, digest in answer["digests"].items()}

    @property
    def introduced(self) -> bool:
        """Whether the gateway of every machine knows all others."""
        nodes = [member.here for member in self.members]
        return len(nodes) < 2 or all(list(member.peers) == nodes for member in self.members)  # noqa: PLR2004

    def introduce(self, port: int, who: dict[str, str]) -> None:
        """Have the gateway of every machine know all others, so that each spreads requests over all.

        Raises:
            ZephyrError: the first machine that could not be told.
        """
        if self.introduced:
            return
        nodes = [member.here for member in self.members]
        with self.phases.phase("meet", "Have the machines know each other"):
            authorities = [member.authority for member in self.members]
            request = meet_request(self.name, nodes, port, authorities=authorities, who=who)
            self.each(self.members, lambda member: member.call("meet", request, deadline_s=LOOK_S))

    def admit(self, sources: Mapping[str, str], who: Mapping[str, str]) -> bool:
        """Have every node let the gateway in, and no other machine; whether one had to be told.

        Args:
            sources: The address of the gateway that each node sees, by the node's own.
            who: Who asks.

        Raises:
            ZephyrError: the first node that could not be told.
        """
        strange = [member for member in self.members if member.admits != sources[member.here]]

        def tell(member: Member) -> None:
            member.call("meet", admit_request(self.name, sources[member.here], who=who), deadline_s=LOOK_S)

        if strange:
            with self.phases.phase("admit", "Have the nodes let the gateway in"):
                self.each(strange, tell)
        return bool(strange)

    def each(self, members: Sequence[Member], work: Callable[[Member], object], *, at_once: bool = True) -> None:
        """Do ``work`` on each of them; one that fails does not stop the others, unless they come one by one.

        Raises:
            ZephyrError: of the first that failed, with how the others ended.
        """
        failed: list[tuple[Member, ZephyrError]] = []
        well: list[Member] = []

        def guarded(member: Member) -> None:
            try:
                work(member)
                well.append(member)
            except ZephyrError as error:
                failed.append((member, error))

        if at_once and len(members) > 1:
            with ThreadPoolExecutor(min(AT_ONCE, len(members)), thread_name_prefix="node") as pool:
                try:
                    list(pool.map(guarded, members))
                except BaseException:
                    self._held.close()  # Ctrl-C: whoever waits for a machine waits no more.
                    raise
        else:
            for member in members:
                guarded(member)
                if failed:
                    break
        if failed:
            raise self._failure(failed, f"{len(well)} of {len(members)} machines ended well")

    def _failure(self, failed: list[tuple[Member, ZephyrError]], others_did: str) -> ZephyrError:
        """The first error; with several machines it names its own and says how many went well."""
        member, error = failed[0]
        if not self.several:
            return error
        others = "".join(f"\n  {m.name}: {e.message}" for m, e in failed[1:])
        message = f"{member.name}: {error.message}{others}\n  {others_did}"
        return type(error)(message, hint=error.hint, details={**error.details, "node": member.name})

    def hear(self, member: Member, event: Event) -> None:
        """Pass on what a machine says; with several, each phase carries the machine's name."""
        if self.several and isinstance(event, PhaseStarted | PhaseProgress | PhaseFinished):
            event = _named(event, member.name)
        with self._hearing:
            if isinstance(event, PhaseFinished):
                self.phases.finished.append(event)
            self.phases.listener(event)


def _named(event: PhaseStarted | PhaseProgress | PhaseFinished, name: str) -> Event:
    phase = f"{name}:{event.phase}"
    match event:
        case PhaseStarted():
            return PhaseStarted(phase, f"{name}: {event.title}")
        case PhaseProgress():
            return PhaseProgress(phase, event.done, event.total, event.unit, event.detail)
        case PhaseFinished():
            return PhaseFinished(phase, f"{name}: {event.title}", event.seconds, event.outcome, event.detail)
