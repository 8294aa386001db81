"""AWS as a provider."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.providers.aws import account, admit, create, expose, find, hostkeys, remove, restamp, session
from zephyr_deploy.providers.aws.firewall import ready_group
from zephyr_deploy.providers.aws.image import find_image
from zephyr_deploy.providers.aws.keys import ready_key
from zephyr_deploy.providers.aws.network import default_network, default_subnet, zones_of
from zephyr_deploy.providers.aws.offers import sold
from zephyr_deploy.providers.aws.quota import Quotas
from zephyr_deploy.providers.aws.settle import SETTLE_S
from zephyr_deploy.providers.clouds.address import own_network
from zephyr_deploy.providers.clouds.contract import CloudProvider

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zephyr_deploy.node.knownhosts import HostKey
    from zephyr_deploy.providers.clouds.stamp import Stamp
    from zephyr_deploy.providers.clouds.types import (
        Account,
        AccountCheck,
        Instance,
        Ledger,
        Offer,
        Order,
        Resource,
        Sold,
    )
    from zephyr_deploy.providers.clouds.visits import Opening, Visit


class AwsProvider(CloudProvider):
    """Machines of EC2. A client token makes `create` repeatable, and a machine that powers itself off is terminated."""

    name = "aws"
    wants = session.WANTS
    settle_s = SETTLE_S
    repeatable = True
    bills_when_off = False
    ends_itself = True
    metadata_url = "http://169.254.169.254"

    def __init__(self) -> None:
        self._session = session.AwsSession()
        self._quotas = Quotas(self._session)

    def configured(self) -> bool:
        """See `CloudProvider.configured`."""
        return session.configured()

    def account(self) -> Account:
        """See `CloudProvider.account`."""
        return account.account(self._session)

    def regions(self) -> tuple[str, ...]:
        """See `CloudProvider.regions`."""
        return self._session.regions()

    def offers(self, region: str | None = None) -> list[Offer]:
        """See `CloudProvider.offers`."""
        return list(self.sold_in(region).offers)

    def sold_in(self, region: str | None = None) -> Sold:
        """See `CloudProvider.sold_in`."""
        return sold(self._session, self._session.require(region or self._session.region))

    def zones(self, offer: Offer) -> tuple[str, ...]:
        """See `CloudProvider.zones`; those of an interruptible machine by price."""
        named = tuple(offer.details.get("zones", "").split())
        return named or zones_of(self._session, offer.region, offer.machine_type)

    def ready(self, order: Order, ledger: Ledger) -> Order:
        """See `CloudProvider.ready`.

        Raises:
            ConfigError: besides; the account has no default network.
            QuotaError: besides; the account may not have so large a machine.
        """
        self._quotas.require(order.offer)
        region = order.offer.region
        image = find_image(self._session, region)
        network = default_network(self._session, region)
        parts = {
            "image": image.id,
            "root": image.root,
            "image-gb": str(image.size_gb),
            "subnet": default_subnet(self._session, region, network, order.zone),
            "group": ready_group(self._session, order, network, ledger),
            "key": ready_key(self._session, order, ledger),
        }
        return order.model_copy(update={"parts": parts})

    def create(self, order: Order) -> Instance:
        """See `CloudProvider.create`."""
        with self._quotas.explaining(order.offer):
            return create.create(self._session, order)

    def instances(self, name: str | None = None) -> list[Instance]:
        """See `CloudProvider.instances`."""
        return find.instances(self._session, name)

    def get(self, instance: Instance) -> Instance:
        """See `CloudProvider.get`."""
        return find.get(self._session, instance)

    def resources(self, name: str | None = None) -> list[Resource]:
        """See `CloudProvider.resources`."""
        return find.resources(self._session, name)

    def delete(self, resource: Resource) -> None:
        """See `CloudProvider.delete`."""
        remove.delete(self._session, resource)

    def restamp(self, instance: Instance, stamp: Stamp) -> Instance:
        """See `CloudProvider.restamp`."""
        return restamp.restamp(self._session, instance, stamp)

    def let_in(self, instance: Instance, public_key: str | None, allowed: str, visit: Visit | None = None) -> None:
        """See `CloudProvider.let_in`."""
        admit.let_in(self._session, instance, public_key, allowed, visit)

    def let_out(self, instance: Instance, visit: Visit) -> None:
        """See `CloudProvider.let_out`."""
        admit.let_out(self._session, instance, visit)

    def openings(self, name: str | None = None) -> list[Opening]:
        """See `CloudProvider.openings`."""
        return admit.openings(self._session, name)

    def shut(self, opening: Opening) -> None:
        """See `CloudProvider.shut`."""
        admit.shut(self._session, opening)

    def expose(self, instance: Instance, ports: Mapping[int, str]) -> None:
        """See `CloudProvider.expose`."""
        expose.expose(self._session, instance, ports)

    def caller(self) -> str:
        """See `CloudProvider.caller`."""
        return own_network()

    def host_keys(self, instance: Instance) -> tuple[HostKey, ...]:
        """See `ShowsHostKeys.host_keys`."""
        return hostkeys.host_keys(self._session, instance)

    def checks(self, offer: Offer | None = None) -> list[AccountCheck]:
        """See `CloudProvider.checks`."""
        from zephyr_deploy.providers.aws import checks

        return checks.checks(self._session, offer)
