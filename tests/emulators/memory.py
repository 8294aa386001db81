"""A cloud that is a few dictionaries: for tests of what uses a cloud, whatever cloud it is.

It leaves out the wire, and so everything that can go wrong on it, unless a test puts an error into `fails`.
"""

from __future__ import annotations

import itertools
import time
from collections import defaultdict
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from emulators.machines import PaperMachines

from zephyr_deploy.errors import InUseError
from zephyr_deploy.node.knownhosts import HostKey
from zephyr_deploy.providers import registry
from zephyr_deploy.providers.clouds.contract import CloudProvider
from zephyr_deploy.providers.clouds.types import KINDS, Account, Instance, Offer, Resource
from zephyr_deploy.providers.clouds.visits import Opening, Said

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest

    from zephyr_deploy.providers.clouds.stamp import Stamp
    from zephyr_deploy.providers.clouds.types import AccountCheck, Ledger, Order
    from zephyr_deploy.providers.clouds.visits import Visit


def offer(machine_type: str = "g5.xlarge", price: float = 1.0, **changes) -> Offer:
    """A machine that is for sale."""
    given = {"provider": "aws", "region": "here", "gpu": "a10g", "gpus": 1, "gpu_memory_gib": 24, "cpus": 4}
    return Offer(**{**given, "memory_gib": 16, "machine_type": machine_type, "price_per_hour_usd": price, **changes})


def only_cloud(cloud: CloudProvider, patch: pytest.MonkeyPatch) -> None:
    """Have it be the one cloud that there is; what is no cloud stays."""
    known = registry.provider
    patch.setattr(registry, "CLOUDS", (cloud.name,))
    patch.setattr(registry, "provider", lambda name: cloud if name == cloud.name else known(name))


class MemoryCloud(CloudProvider):
    """See the module; it calls itself aws, for a provider has to have a name that is known."""

    name = "aws"
    wants = ("MEMORY_KEY",)
    settle_s = 0.3
    repeatable = True
    bills_when_off = False
    ends_itself = True
    metadata_url = "http://169.254.169.254"

    def __init__(self) -> None:
        self.paper = PaperMachines()
        self.there: dict[str, Instance] = {}
        self.tokens: dict[str, str] = {}
        self.others: dict[tuple[str, str], Resource] = {}
        self.sold = [offer()]
        self.fails: defaultdict[str, list[Exception]] = defaultdict(list)
        """By method: what its next calls raise before they do anything; see also `lost`."""
        self.lost: defaultdict[str, list[Exception]] = defaultdict(list)
        """By method: what its next calls raise after they have done it."""
        self.calls: list[str] = []
        self.open: dict[str, dict[str, Said | None]] = {}
        """The networks that may reach SSH, by deployment; for good, or as a guest's."""
        self.exposed: dict[str, dict[int, str]] = {}
        """The network that each port of a machine is open to."""
        self.lag_s = 0.0
        self.ending_s = 0.0
        self._listed_at: dict[str, float] = {}
        self._ends_at: dict[str, float] = {}
        self._numbers = itertools.count(1)

    def configured(self) -> bool:
        return True

    def account(self) -> Account:
        self._before("account")
        return Account(provider=self.name, id="1234", name="memory")

    def regions(self) -> tuple[str, ...]:
        return ("here",)

    def offers(self, region: str | None = None) -> list[Offer]:
        self._before("offers")
        return list(self.sold)

    def zones(self, offer: Offer) -> tuple[str, ...]:
        return ("a", "b")

    def ready(self, order: Order, ledger: Ledger) -> Order:
        self._before("ready")
        parts = {}
        for kind in ("key", "security-group"):
            name = f"{kind}-{order.stamp.deployment}"
            parts[kind] = name
            if (kind, name) not in self.others:
                ledger.intend(kind, name=name)
                self.others[kind, name] = self._resource(kind, name, order.stamp)
                ledger.done(kind, name=name)
        return order.model_copy(update={"parts": parts})

    def create(self, order: Order) -> Instance:
        self._before("create")
        if self.repeatable and order.token in self.tokens:
            return self.there[self.tokens[order.token]]
        made = f"i-{next(self._numbers)}"
        self.paper.launch(made, user="ubuntu", keys=[order.public_key], user_data=order.user_data)
        self.there[made] = Instance(
            provider=self.name,
            id=made,
            region=order.offer.region,
            zone=order.zone,
            state="starting",
            machine_type=order.offer.machine_type,
            user="ubuntu",
            created_at=datetime.now(timezone.utc),
            spot=order.offer.spot,
            stamp=order.stamp,
        )
        self._listed_at[made] = time.monotonic() + self.lag_s
        self.tokens[order.token] = made
        self._after("create")
        return self.there[made]

    def instances(self, name: str | None = None) -> list[Instance]:
        self._before("instances")
        now = time.monotonic()
        found = [self.get(i) for i in self.there.values() if self._listed_at[i.id] <= now]
        return [i for i in found if i.stamp.deployment == (name or i.stamp.deployment) and i.state != "gone"]

    def get(self, instance: Instance) -> Instance:
        known = self.there.get(instance.id, instance)
        if instance.id in self._ends_at:
            ended = time.monotonic() > self._ends_at[instance.id]
            return known.model_copy(update={"state": "gone" if ended else "stopping"})
        if instance.id not in self.paper.made:
            return known.model_copy(update={"state": "gone"})
        return known.model_copy(update={"state": "running", "address": self.paper.address(instance.id)})

    def resources(self, name: str | None = None) -> list[Resource]:
        self._before("resources")
        found = [self._resource("instance", i.id, i.stamp) for i in self.instances(name)]
        found += [r for r in self.others.values() if r.stamp.deployment == (name or r.stamp.deployment)]
        return sorted(found, key=lambda r: KINDS.index(r.kind))

    def delete(self, resource: Resource) -> None:
        self._before("delete")
        if resource.kind == "instance":
            self._ends_at.setdefault(resource.id, time.monotonic() + self.ending_s)
        elif resource.kind == "security-group" and self.instances(resource.stamp.deployment):
            raise InUseError(f"{resource.id} is in use")
        else:
            self.others.pop((resource.kind, resource.id), None)
        self._after("delete")

    def restamp(self, instance: Instance, stamp: Stamp) -> Instance:
        self._before("restamp")
        self.there[instance.id] = self.there[instance.id].model_copy(update={"stamp": stamp})
        return self.get(instance)

    def let_in(self, instance: Instance, public_key: str | None, allowed: str, visit: Visit | None = None) -> None:
        self._before("let_in")
        self.open.setdefault(instance.stamp.deployment, {}).setdefault(allowed, None)
        if visit is not None:
            self.open[instance.stamp.deployment][allowed] = Said(visit.run, self.now() + visit.lasts)
        if public_key is not None:
            self.paper.admit(instance.id, "ubuntu", public_key)

    def let_out(self, instance: Instance, visit: Visit) -> None:
        self._before("let_out")
        for opening in self.openings(instance.stamp.deployment):
            if opening.run == visit.run:
                self.shut(opening)

    def openings(self, name: str | None = None) -> list[Opening]:
        self._before("openings")
        return [
            Opening(
                provider=self.name,
                region="here",
                group=f"security-group-{deployment}",
                deployment=deployment,
                network=network,
                run=said.run,
                until=said.until,
            )
            for deployment, networks in self.open.items()
            for network, said in networks.items()
            if said is not None and name in {None, deployment}
        ]

    def shut(self, opening: Opening) -> None:
        self._before("shut")
        self.open[opening.deployment].pop(opening.network)

    def expose(self, instance: Instance, ports: Mapping[int, str]) -> None:
        self._before("expose")
        self.exposed[instance.id] = dict(ports)

    def caller(self) -> str:
        return "203.0.113.7/32"

    def checks(self, offer: Offer | None = None) -> list[AccountCheck]:
        return []

    def _resource(self, kind, name: str, stamp: Stamp) -> Resource:
        created = self.there[name].created_at if name in self.there else None
        return Resource(
            provider=self.name,
            kind=kind,
            id=name,
            region="here",
            stamp=stamp,
            created_at=created,
            bills=kind == "instance",
        )

    def _before(self, method: str) -> None:
        self.calls.append(method)
        if self.fails[method]:
            raise self.fails[method].pop(0)

    def _after(self, method: str) -> None:
        if self.lost[method]:
            raise self.lost[method].pop(0)


class ShowingCloud(MemoryCloud):
    """One that shows the console."""

    def host_keys(self, instance: Instance) -> tuple[HostKey, ...]:
        return (HostKey.parse(self.paper.made[instance.id].host_key.public),)
