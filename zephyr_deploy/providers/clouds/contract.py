"""The contract that a cloud fills. docs/contributing/providers.md is the recipe; one suite of tests runs against all.

Nothing here decides: `zephyr_deploy.deploy.clouds` chooses, journals, waits and takes away. What only some clouds
can do is a protocol of its own, asked for by ``isinstance``.

Every method may raise `AuthError`, `ThrottledError` and `UnreachableError`, besides those that it names. What only
reads is tried again by the provider itself; what creates or changes is sent once, and an answer that was lost is an
`AmbiguousError`.
"""

from __future__ import annotations

from abc import abstractmethod
from datetime import datetime, timezone
from typing import TYPE_CHECKING, ClassVar, Protocol, runtime_checkable

from zephyr_deploy.errors import AuthError, ConflictError, UnreachableError
from zephyr_deploy.node.address import NodeAddress
from zephyr_deploy.node.held import GUEST
from zephyr_deploy.node.sshkey import login_key
from zephyr_deploy.providers.clouds.types import Sold
from zephyr_deploy.providers.machines import MachineStatus
from zephyr_deploy.providers.nodes.provider import MachinesProvider
from zephyr_deploy.providers.nodes.record import NodesRecord, record_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from zephyr_deploy.node.knownhosts import HostKey
    from zephyr_deploy.node.sshkey import LoginKey
    from zephyr_deploy.providers.clouds.stamp import Stamp
    from zephyr_deploy.providers.clouds.types import (
        Account,
        AccountCheck,
        Instance,
        Ledger,
        Offer,
        Order,
        Resource,
    )
    from zephyr_deploy.providers.clouds.visits import Opening, Visit
    from zephyr_deploy.spec.deployment import Deployment


class CloudProvider(MachinesProvider):
    """A provider that makes machines, and unmakes them."""

    wants: ClassVar[tuple[str, ...]]
    """Ways to give it credentials, for people; each is enough, e.g. ``E2E_API_KEY and E2E_AUTH_TOKEN``."""
    settle_s: ClassVar[float]
    """How long what was just made may be missing from its lists, in seconds."""
    repeatable: ClassVar[bool]
    """Whether `create` with the same order again gives the same machine, and never a second one."""
    bills_when_off: ClassVar[bool]
    """Whether a machine that was powered off goes on costing."""

    @abstractmethod
    def configured(self) -> bool:
        """Whether credentials are at hand; a look at variables and files, not at the network."""

    @abstractmethod
    def account(self) -> Account:
        """Whose the credentials are.

        Raises:
            AuthError: they are missing, wrong or expired.
        """

    @abstractmethod
    def regions(self) -> tuple[str, ...]:
        """Where machines of this account can be, the preferred one first."""

    @abstractmethod
    def offers(self, region: str | None = None) -> list[Offer]:
        """Every machine with a GPU that is sold there, by price; None: in the preferred region."""

    def sold_in(self, region: str | None = None) -> Sold:
        """The offers, with what is to be said of them: for a cloud that has something to say."""
        return Sold(offers=tuple(self.offers(region)))

    @abstractmethod
    def zones(self, offer: Offer) -> tuple[str, ...]:
        """The parts of the region that have such machines, to be tried in this order; one empty text: it has none."""

    @abstractmethod
    def ready(self, order: Order, ledger: Ledger) -> Order:
        """Find or make what the machine needs before it is made (key, firewall, image); the order with its parts.

        Safe to repeat: what is there already is used. Each thing made is stamped, and journalled before and after.

        Raises:
            ConflictError: something of that name is there and is not ours.
            GoneError: the image, or the network, is not there.
        """

    @abstractmethod
    def create(self, order: Order) -> Instance:
        """Make the machine, stamped from its first moment; one call, not repeated.

        Raises:
            NoCapacityError: there is none in this zone now.
            QuotaError: the account may not have it.
            CreditError: the account cannot pay for it.
            ConflictError: another order had this token; or the machine it made is gone.
            GoneError: a part of the order is not there.
            AmbiguousError: it may have been made.
        """

    @abstractmethod
    def instances(self, name: str | None = None) -> list[Instance]:
        """The machines of deployment ``name``, or all of ours, in every region; not those that are gone."""

    @abstractmethod
    def get(self, instance: Instance) -> Instance:
        """How a machine is now; its state is ``gone`` where it does not exist any more."""

    @abstractmethod
    def resources(self, name: str | None = None) -> list[Resource]:
        """Everything of deployment ``name``, or of ours, in every region, in the order of `KINDS`."""

    @abstractmethod
    def delete(self, resource: Resource) -> None:
        """Have one thing deleted; fine where it is gone. A machine is on its way then: see `get`.

        Raises:
            InUseError: not yet, because another thing uses it, or because it is still being made.
            AmbiguousError: it may have been deleted.
        """

    @abstractmethod
    def restamp(self, instance: Instance, stamp: Stamp) -> Instance:
        """Change what a machine carries: its expiry, or its host key once that is known."""

    @abstractmethod
    def let_in(self, instance: Instance, public_key: str | None, allowed: str, visit: Visit | None = None) -> None:
        """Let another key, from another network, log in to a machine; fine where it may already.

        Args:
            instance: The machine.
            public_key: The key; a cloud may let it in for a minute only. None: one that may log in already.
            allowed: The network that may reach SSH.
            visit: Of a guest: its end stands in the firewall's rule, for whoever comes next; a rule that is there
                for good stays so. What is past its end is closed on the way. None: for good.

        Raises:
            GoneError: the machine, or its firewall, is not there.
            AmbiguousError: some of it may have been done; the same again does all of it.
        """

    @abstractmethod
    def let_out(self, instance: Instance, visit: Visit) -> None:
        """Close what was opened to a guest, unless others come from there, too; fine where it is closed.

        Raises:
            GoneError: its firewall is not there.
            AmbiguousError: it may have been closed.
        """

    @abstractmethod
    def openings(self, name: str | None = None) -> list[Opening]:
        """Everything that is open to guests of deployment ``name``, or of ours, in every region."""

    @abstractmethod
    def shut(self, opening: Opening) -> None:
        """Close it, unless it was opened anew meanwhile, or for longer; fine where it is closed.

        Raises:
            AmbiguousError: it may have been closed.
        """

    def now(self) -> datetime:
        """The time by the cloud's own clock, where that may be hours off this machine's; see `Opening.is_over`."""
        return datetime.now(timezone.utc)

    @abstractmethod
    def expose(self, instance: Instance, ports: Mapping[int, str]) -> None:
        """Let others reach these TCP ports of a machine, and none but these beside SSH; fine where it is so already.

        Args:
            instance: The machine.
            ports: The network that each is open to, e.g. ``{443: "203.0.113.0/24"}``; empty: SSH alone again. What
                somebody else opened stays.

        Raises:
            GoneError: its firewall is not there.
            AmbiguousError: some of it may have been done; the same again does all of it.
        """

    @abstractmethod
    def caller(self) -> str:
        """The network to open SSH to: this machine's own public address, as ``203.0.113.7/32``."""

    @abstractmethod
    def checks(self, offer: Offer | None = None) -> list[AccountCheck]:
        """Look at the account: credentials, permissions, quota for that offer, image, clock; nothing is changed."""

    def nodes(self, deployment: Deployment) -> tuple[NodeAddress, ...]:
        """Where the deployment's machine is; none where there is none.

        Raises:
            ConflictError: there are several, where there is to be one.
        """
        return tuple(node for record in self.records(deployment.name) for node in record.nodes)

    def records(self, name: str | None = None) -> list[NodesRecord]:
        """A named deployment by this user's note, which takes no call; else all that the cloud has, which is true.

        Raises:
            ConflictError: a deployment has several machines.
        """
        noted = record_of(name) if name is not None else None
        if noted is not None and noted.provider == self.name:
            return [noted]
        return [self.record(instance) for instance in self.reachable(name)]

    def reachable(self, name: str | None = None) -> list[Instance]:
        """The machine of each deployment, where it has an address.

        Raises:
            ConflictError: a deployment has several.
        """
        there = [one for one in self.instances(name) if one.address and one.state in {"starting", "running"}]
        return only_one_each(there)

    def machines(self, name: str) -> list[MachineStatus]:
        """How the deployment's machine is: by the cloud's word whether there is one, then by its own.

        Without credentials, or where the cloud does not answer, a machine that is noted here is asked itself.

        Raises:
            AuthError, UnreachableError: the cloud cannot be asked, and no machine is noted.
        """
        noted = record_of(name)
        if not self.configured():
            return self.statuses(noted) if noted else []
        try:
            found = self.reachable(name)
        except (AuthError, UnreachableError):
            if noted is None:
                raise
            return self.statuses(noted)
        if found:
            return self.statuses(self.record(found[0]))
        if noted is None:
            return []
        detail = f"{self.name} has no machine of {name} any more: it ended itself, or was taken away"
        return [MachineStatus(host=str(noted.entry), state="absent", detail=detail)]

    def record(self, instance: Instance, key: Callable[[], LoginKey] = login_key) -> NodesRecord:
        """How a machine is reached and known again.

        Args:
            instance: The machine.
            key: Gives what one logs in with where that is not noted yet.
        """
        noted = record_of(instance.stamp.deployment)
        address = next((node for node in noted.nodes if node.host == instance.address), None) if noted else None
        if address is None or not _has_own_key(address):
            login = key()
            address = NodeAddress(
                host=instance.address or "", user=instance.user, identity=login.private, identity_from=login.held
            )
        return NodesRecord(
            name=instance.stamp.deployment,
            provider=instance.provider,
            nodes=(address,),
            port=noted.port if noted else NodesRecord.model_fields["port"].default,
            host_key=instance.stamp.host_key,
            price_per_hour_usd=instance.stamp.price_per_hour_usd,
            since=instance.created_at,
            expires=instance.stamp.expires,
        )


def _has_own_key(address: NodeAddress) -> bool:
    """Whether it is noted how one logs in there; a guest's key was that of one process."""
    return address.identity is not None or address.identity_from not in {None, GUEST}


@runtime_checkable
class ShowsHostKeys(Protocol):
    """A cloud that shows a machine's host keys by another way than the network."""

    def host_keys(self, instance: Instance) -> tuple[HostKey, ...]:
        """The keys; none as long as the machine has not said them."""


@runtime_checkable
class EndsItself(Protocol):
    """A cloud where a machine that powers itself off is deleted, and so billing ends without anybody's help."""

    ends_itself: ClassVar[bool]


@runtime_checkable
class TakesBack(Protocol):
    """A cloud that takes interruptible machines back, and tells them before by EC2's instance metadata service."""

    metadata_url: ClassVar[str]
    """Base of that service, as a machine reaches it."""


def only_one_each(instances: list[Instance]) -> list[Instance]:
    """The machines themselves.

    Raises:
        ConflictError: a deployment has several.
    """
    for instance in instances:
        same = [other.id for other in instances if other.stamp.deployment == instance.stamp.deployment]
        if len(same) > 1:
            name = instance.stamp.deployment
            hint = f"Look at them; `zephyr-deploy down {name}` deletes them all."
            raise ConflictError(f"there are {len(same)} machines of {name}: {', '.join(same)}", hint=hint)
    return instances
