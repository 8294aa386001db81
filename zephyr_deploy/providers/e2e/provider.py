"""E2E Networks as a cloud."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from zephyr_deploy.errors import ConfigError, GoneError
from zephyr_deploy.providers.clouds.address import own_network
from zephyr_deploy.providers.clouds.contract import CloudProvider
from zephyr_deploy.providers.clouds.types import Account, Instance, Resource
from zephyr_deploy.providers.clouds.visits import Opening
from zephyr_deploy.providers.e2e import firewall, keys, nodes
from zephyr_deploy.providers.e2e.client import E2eClient
from zephyr_deploy.providers.e2e.credentials import LOCATIONS, VARIABLES, credentials, has_credentials

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from zephyr_deploy.providers.clouds.stamp import Stamp
    from zephyr_deploy.providers.clouds.types import AccountCheck, Ledger, Offer, Order, Sold
    from zephyr_deploy.providers.clouds.visits import Visit

Row = TypeVar("Row", Instance, Resource, Opening)


class E2eProvider(CloudProvider):
    """Its nodes, in one project. It has no zones, no spot machines, no console, and nothing that ends by itself."""

    name = "e2e"
    wants = (f"{VARIABLES['api_key']} and {VARIABLES['auth_token']}",)
    settle_s = 120.0
    """Not documented; as long as E2E's own tests wait for far slower things."""
    repeatable = False
    bills_when_off = True

    @cached_property
    def _client(self) -> E2eClient:
        found = credentials()
        if found.project:
            return E2eClient(found)
        listed = E2eClient(found).get("/pbac/project/").data
        chosen = next((row for row in listed if row.get("is_default")), None)
        if chosen is None:
            known = ", ".join(f"{row['project_id']} ({row['name']})" for row in listed)
            raise ConfigError("no project of E2E Networks is chosen", hint=f"Set {VARIABLES['project']}: {known}")
        return E2eClient(found, project=str(chosen["project_id"]))

    def configured(self) -> bool:
        """See `CloudProvider.configured`."""
        return has_credentials()

    def account(self) -> Account:
        """The project; see `CloudProvider.account`."""
        self._client.get("/iam/multi-crn/")
        listed = {str(row["project_id"]): str(row["name"]) for row in self._client.get("/pbac/project/").data}
        project = self._client.project
        return Account(provider="e2e", id=project, name=f"project {listed.get(project, project)}")

    def regions(self) -> tuple[str, ...]:
        """E2E's locations."""
        own = self._client.credentials.location
        return (own, *(location for location in LOCATIONS if location != own))

    def offers(self, region: str | None = None) -> list[Offer]:
        """See `CloudProvider.offers`."""
        return list(self.sold_in(region).offers)

    def sold_in(self, region: str | None = None) -> Sold:
        """With the rate of prices in rupees; see `CloudProvider.sold_in`."""
        from zephyr_deploy.providers.e2e import catalog

        return catalog.sold(self._client, region or self.regions()[0])

    def zones(self, offer: Offer) -> tuple[str, ...]:  # noqa: ARG002 - of the contract
        """None."""
        return ("",)

    def ready(self, order: Order, ledger: Ledger) -> Order:
        """Register the key, make the group; see `CloudProvider.ready`."""
        keys.register(self._client, order, ledger)
        group = firewall.ensure(self._client, order, ledger, self.settle_s)
        return order.model_copy(update={"parts": {firewall.STEP: group}})

    def create(self, order: Order) -> Instance:
        """See `CloudProvider.create`."""
        return nodes.create(self._client, order)

    def instances(self, name: str | None = None) -> list[Instance]:
        """See `CloudProvider.instances`."""
        return self._everywhere(lambda location: nodes.find(self._client, location, name))

    def get(self, instance: Instance) -> Instance:
        """See `CloudProvider.get`."""
        return nodes.get(self._client, instance)

    def resources(self, name: str | None = None) -> list[Resource]:
        """See `CloudProvider.resources`."""
        machines = [_as_resource(instance) for instance in self.instances(name)]
        parts = self._everywhere(
            lambda location: [*firewall.ours(self._client, location), *keys.ours(self._client, location)]
        )
        return [
            *machines,
            *(one for one in parts if one.kind == "security-group" and name in {None, one.stamp.deployment}),
            *(one for one in parts if one.kind == "key" and name in {None, one.stamp.deployment}),
        ]

    def delete(self, resource: Resource) -> None:
        """See `CloudProvider.delete`."""
        try:
            if resource.kind == "instance":
                nodes.delete(self._client, resource.id, resource.region)
            elif resource.kind == "security-group":
                firewall.delete(self._client, resource)
            else:
                keys.delete(self._client, resource)
        except GoneError:
            return

    def restamp(self, instance: Instance, stamp: Stamp) -> Instance:
        """See `CloudProvider.restamp`."""
        nodes.label(self._client, instance, stamp)
        return instance.model_copy(update={"stamp": stamp})

    def let_in(self, instance: Instance, public_key: str | None, allowed: str, visit: Visit | None = None) -> None:
        """See `CloudProvider.let_in`; E2E itself takes no key away again, so that is for the machine."""
        firewall.let_in(self._client, instance.region, instance.stamp.deployment, allowed, visit)
        if public_key is not None:
            nodes.add_key(self._client, instance, public_key)

    def let_out(self, instance: Instance, visit: Visit) -> None:
        """See `CloudProvider.let_out`."""
        firewall.let_out(self._client, instance.region, instance.stamp.deployment, visit)

    def openings(self, name: str | None = None) -> list[Opening]:
        """See `CloudProvider.openings`."""
        found = self._everywhere(lambda location: firewall.to_guests(self._client, location))
        return [one for one in found if name in {None, one.deployment}]

    def shut(self, opening: Opening) -> None:
        """See `CloudProvider.shut`."""
        firewall.shut(self._client, opening)

    def now(self) -> datetime:
        """By the last answer of E2E, which takes calls of a machine whose clock is hours off."""
        return self._client.now()

    def expose(self, instance: Instance, ports: Mapping[int, str]) -> None:
        """See `CloudProvider.expose`."""
        firewall.expose(self._client, instance.region, instance.stamp.deployment, ports)

    def caller(self) -> str:
        """See `CloudProvider.caller`."""
        return own_network()

    def checks(self, offer: Offer | None = None) -> list[AccountCheck]:
        """See `CloudProvider.checks`."""
        from zephyr_deploy.providers.e2e.checks import checks

        return checks(self._client, offer, self.resources)

    def _everywhere(self, look: Callable[[str], list[Row]]) -> list[Row]:
        """What every location has, each thing once: some of it belongs to the project, and is shown in all."""
        found: dict[tuple[str, str], Row] = {}
        own, *others = self.regions()
        for location in (own, *others):
            try:
                rows = look(location)
            except ConfigError:
                if location == own:
                    raise
                continue  # An account need not have every location.
            for row in rows:
                found.setdefault(_identity(row), row)
        return list(found.values())


def _identity(row: Row) -> tuple[str, str]:
    """What tells one thing from another, wherever it is shown."""
    if isinstance(row, Opening):
        return f"opening of {row.group}", row.network
    return getattr(row, "kind", "instance"), row.id


def _as_resource(instance: Instance) -> Resource:
    return Resource(
        provider="e2e",
        kind="instance",
        id=instance.id,
        region=instance.region,
        stamp=instance.stamp,
        name=instance.machine_type,
        created_at=instance.created_at,
        bills=True,
    )
