"""`up` in a cloud, as far as the machine: the one there is, else the one that was ordered, else a new one."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from pydantic import Field

from zephyr_deploy.deploy import guests
from zephyr_deploy.deploy.clouds.boot import Boot
from zephyr_deploy.deploy.clouds.create import Create, token_for
from zephyr_deploy.deploy.clouds.pending import CREATE, pending
from zephyr_deploy.deploy.clouds.present import present_machine
from zephyr_deploy.deploy.clouds.unasked import reminding
from zephyr_deploy.deploy.clouds.vanish import Vanish, delete
from zephyr_deploy.errors import ConflictError, ZephyrError
from zephyr_deploy.node.sshkey import login_key
from zephyr_deploy.providers.clouds.contract import EndsItself, TakesBack
from zephyr_deploy.providers.clouds.stamp import Stamp
from zephyr_deploy.providers.clouds.types import Account, Offer, Order, Resource
from zephyr_deploy.providers.clouds.userdata import user_data
from zephyr_deploy.spec.base import Frozen
from zephyr_deploy.spec.deployment import Cost
from zephyr_deploy.spec.lifetime import lifetime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from zephyr_deploy.deploy.journal import Journal
    from zephyr_deploy.events import Phases
    from zephyr_deploy.node.sshkey import LoginKey
    from zephyr_deploy.providers.clouds.contract import CloudProvider
    from zephyr_deploy.providers.clouds.types import Instance


ACCOUNT = "account"
"""Step of the journal that says in which account a deployment is."""


class Proposal(Frozen):
    """What is about to be ordered, for the user to agree to."""

    deployment: str
    account: Account
    offers: tuple[Offer, ...]
    """In the order in which they are tried; not empty."""
    lifetime: timedelta | None
    """After which the machine is ended, if it is the first of them; None: never."""
    budget_usd: float | None = None
    """What it costs at most, whichever it is; None: what its lifetime costs."""
    ends_itself: bool
    """Whether that happens without anybody's help."""
    allowed: str
    """Network from which SSH can be reached."""
    idle: timedelta | None = None
    """How long it may be without a request before it ends itself; None: it does not for that."""
    opened: dict[int, str] = Field(default_factory=dict)
    """The network that each port is opened to besides, for an exposed endpoint; empty: it is exposed to nobody."""


def agreed(_proposal: Proposal) -> None:
    """Agree to everything: the default of the Python API, whose caller has decided."""


def to_nobody(_caller: str) -> dict[int, str]:
    """No port is opened: the endpoint is not exposed."""
    return {}


@dataclass(frozen=True)
class Wanted:
    """What kind of machine, decided before anything is made."""

    offers: Sequence[Offer]
    """In the order in which they are to be tried; not empty."""
    disk_gb: int
    cost: Cost
    """By which the machine ends itself, or is ended."""
    notes: tuple[str, ...] = ()
    """What the user should know of the choice: what is missing from it."""
    remarks: tuple[str, ...] = ()
    """What is good to know of it."""
    opened_to: Callable[[str], dict[int, str]] = to_nobody
    """What is to be opened beside SSH, for the endpoint, where the caller comes from that network."""


@dataclass
class Launch:
    """One way to a machine.

    Args:
        cloud: Where.
        name: Of the deployment.
        phases: What is told of.
        journal: Of this run.
        wanted: Says what kind, once it is clear that a new one is needed.
        agree: Raises where the user does not want it.
        key: Gives what the user logs in with.
    """

    cloud: CloudProvider
    name: str
    phases: Phases
    journal: Journal
    wanted: Callable[[], Wanted]
    agree: Callable[[Proposal], None] = agreed
    key: Callable[[], LoginKey] = login_key
    instance: Instance | None = field(default=None, init=False)
    """The machine, as soon as there is one."""

    def run(self) -> Instance:
        """The machine, answering over SSH.

        Raises:
            AuthError, QuotaError, CreditError, NoCapacityError: it is not to be had.
            ConflictError: there are several, or the one there is cannot be used.
            ZephyrError: it was made, and does not come up; it stays until `down`.
        """
        with reminding(self.cloud, self.name), self.phases.phase("account", "Look at the account") as phase:
            account = self.cloud.account()
            phase.detail = account.name or account.id
            self._same(account)
            found = self._found()
        with self._telling():
            if found is not None:
                self.instance, strange = found, True
                self._note(account)
            else:
                made = self.instance = self._new(account)
                self.instance = self._only(made)
                strange = self.instance.id != made.id
            ours = self._is_ours(self.instance)
            guests.expect(self.cloud, self.instance)
            self.instance = Boot(self.cloud, self.phases, self.journal, ours, strange, self.key).run(self.instance)
        return self.instance

    def _is_ours(self, machine: Instance) -> bool:
        """Whether this user's own journal has ordered it."""
        return any(e.step == CREATE and e.facts.get("id") == machine.id for e in self.journal.entries())

    def _same(self, account: Account) -> None:
        """See that it is in no other account: while there may be anything of it, that is one.

        Raises:
            ConflictError: it is in another account than the one of these credentials.
        """
        noted = [e for e in self.journal.entries() if e.step == ACCOUNT and e.facts["provider"] == self.cloud.name]
        if noted and noted[-1].stage == "done" and (other := noted[-1].facts["id"]) != account.id:
            message = f"{self.name} is in {self.cloud.name} account {other}; these credentials are of {account.id}"
            hint = f"Use the other credentials, or another name; `zephyr-deploy down {self.name}` ends it there."
            raise ConflictError(message, hint=hint)

    def _note(self, account: Account) -> None:
        """Write down where this deployment is, for `down`: not before there may be something of it."""
        self.journal.done(ACCOUNT, provider=self.cloud.name, id=account.id)

    def _found(self) -> Instance | None:
        """The machine that is there, or will be by an order of an earlier run."""
        search = Create(self.cloud, self.journal, self._no_draft)
        ordered = [instance for order in pending(self.name, self.cloud) if (instance := search.repeat(order))]
        found = present_machine(self.cloud, self.name, ordered)
        if found and found.state in {"stopped", "failed"}:
            hint = f"`zephyr-deploy down {self.name}` takes it away; then `zephyr-deploy up` again."
            raise ConflictError(f"machine {found.id} of {self.name} is {found.state}", hint=hint)
        return found

    def _no_draft(self, _offer: Offer, _zone: str) -> Order:
        raise TypeError("an earlier order is repeated as it was")

    def _new(self, account: Account) -> Instance:
        wanted, allowed = self.wanted(), self.cloud.caller()
        for note in wanted.notes:
            self.phases.notice(note, warning=True)
        for remark in wanted.remarks:
            self.phases.notice(remark)
        self.agree(
            Proposal(
                deployment=self.name,
                account=account,
                offers=tuple(wanted.offers),
                lifetime=lifetime(wanted.cost, wanted.offers[0].price_per_hour_usd),
                budget_usd=float(wanted.cost.budget_usd) if wanted.cost.budget_usd else None,
                ends_itself=not self.cloud.bills_when_off,
                idle=wanted.cost.idle if isinstance(self.cloud, EndsItself) else None,
                allowed=allowed,
                opened=wanted.opened_to(allowed),
            )
        )
        self._note(account)
        key = self.key().public

        def draft(offer: Offer, zone: str) -> Order:
            run, life = self.journal.run, lifetime(wanted.cost, offer.price_per_hour_usd)
            stamp = Stamp(
                deployment=self.name,
                run=run,
                expires=self.cloud.now() + life if life else None,
                price_per_hour_usd=offer.price_per_hour_usd,
            )
            place = (offer.region, zone, offer.machine_type, "spot" if offer.spot else "")
            return Order(
                stamp=stamp,
                offer=offer,
                zone=zone,
                token=token_for(account.id, self.name, run, *place),
                public_key=key,
                allowed=allowed,
                visit=guests.visit(),
                disk_gb=wanted.disk_gb,
                user_data=self._user_data(life, wanted.cost.idle, offer),
            )

        search = Create(self.cloud, self.journal, draft)
        try:
            with self.phases.phase("launch", "Order the machine") as phase:
                instance = search.first_of(wanted.offers)
                phase.detail = f"{instance.machine_type} in {instance.zone or instance.region}, {instance.id}"
        except ZephyrError:
            self._leave_nothing()
            raise
        for tried in search.tried:
            self.phases.notice(f"Not to be had: {tried}")
        return instance

    def _user_data(self, life: timedelta | None, idle: timedelta | None, offer: Offer) -> str:
        if not isinstance(self.cloud, EndsItself):
            return ""
        tells = self.cloud.metadata_url if offer.spot and isinstance(self.cloud, TakesBack) else None
        return user_data(life, idle, metadata_url=tells)

    def _leave_nothing(self) -> None:
        """Delete what was made for a machine that is not to be had: groups and keys, which fill quotas of their own."""
        try:
            if pending(self.name, self.cloud) or present_machine(self.cloud, self.name):
                return  # There may be a machine; or another `up` was faster, and it is that one's.
            Vanish(self.cloud, self.name, self.phases, self.journal, spares_machines=True).run()
        except ZephyrError as error:
            said = f"what was made for the machine is still there: {error.message}"
            self.phases.notice(f"{said}; zephyr-deploy down {self.name}", warning=True)
        else:
            # Now it may be tried elsewhere.
            self.journal.failed(ACCOUNT, provider=self.cloud.name)

    def _only(self, made: Instance) -> Instance:
        """The machine, unless another `up` was faster: then that one's, and this one's is taken away again.

        Two laptops have no lock between them; both see the same two machines, and keep the older one.
        """
        listed = [one for one in self.cloud.instances(self.name) if one.state in {"starting", "running"}]
        there = {instance.id: instance for instance in (made, *listed)}
        first = min(there.values(), key=lambda instance: (_age_key(instance), instance.id))
        if first.id != made.id:
            self.phases.notice(f"Another up was faster: {first.id} stays, and {made.id} is taken away.", warning=True)
            delete(self.cloud, _thing(made), self.journal)
        return first

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Whatever ends the launch, the user hears what exists and how it is taken away."""
        try:
            yield
        except (KeyboardInterrupt, ZephyrError):
            self.tell()
            raise

    def tell(self) -> None:
        """Say that the machine exists, what it costs, and how to take it away."""
        what = f"{self.cloud.name} machine {self.instance.id}" if self.instance else None
        if what is None and pending(self.name, self.cloud):
            what = f"a machine may have been ordered from {self.cloud.name}, and"
        if what is not None:
            price = f" costs ${self.instance.stamp.price_per_hour_usd:.2f} an hour;" if self.instance else ""
            self.phases.notice(f"{what}{price} take it away with: zephyr-deploy down {self.name}", warning=True)


def _thing(machine: Instance) -> Resource:
    """A machine as what is deleted; no list need have it yet."""
    return Resource(
        provider=machine.provider,
        kind="instance",
        id=machine.id,
        region=machine.region,
        stamp=machine.stamp,
        created_at=machine.created_at,
        bills=True,
    )


def _age_key(instance: Instance) -> datetime:
    """When it was made; one whose cloud does not say it yet is the youngest."""
    return instance.created_at or datetime.max.replace(tzinfo=timezone.utc)
