"""Gets one machine from a cloud: tries the places that may have one, and never makes two."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from zephyr_deploy.deploy.clouds.pending import CREATE, appears
from zephyr_deploy.errors import (
    AmbiguousError,
    ConfigError,
    ConflictError,
    GoneError,
    NoCapacityError,
    QuotaError,
    ThrottledError,
    ZephyrError,
)
from zephyr_deploy.providers.clouds.types import Order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from zephyr_deploy.deploy.clouds.pending import Pending
    from zephyr_deploy.deploy.journal import Journal
    from zephyr_deploy.providers.clouds.contract import CloudProvider
    from zephyr_deploy.providers.clouds.types import Instance, Offer

REPEAT_S = (0.5, 1.0, 2.0, 4.0)
"""Pauses before an order whose answer was lost is sent again, where that is safe, in seconds."""
THROTTLED_S = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Pauses after the cloud has asked for fewer calls; it did nothing then, so the call may be repeated anywhere."""


class Tried(NamedTuple):
    """A place that had no machine, and why."""

    offer: Offer
    zone: str
    cause: str

    def __str__(self) -> str:
        """One row of the table of what was tried."""
        place = self.zone or self.offer.region
        return f"{self.offer.machine_type}{' spot' if self.offer.spot else ''} in {place}: {self.cause}"


@dataclass
class Create:
    """One search for a machine.

    Args:
        cloud: Where.
        journal: Of this run; every order is written there before it is given.
        draft: Makes the order for an offer and a zone.
    """

    cloud: CloudProvider
    journal: Journal
    draft: Callable[[Offer, str], Order]
    tried: list[Tried] = field(default_factory=list)
    unready: list[ZephyrError] = field(default_factory=list, init=False)
    """Why places could not be made ready for a machine."""

    def first_of(self, offers: Iterable[Offer]) -> Instance:
        """A machine of the first offer that is to be had.

        Raises:
            NoCapacityError: none is; says what was tried, and why each failed.
            QuotaError: none is, and the account's quota is why.
            ZephyrError: something else is in the way everywhere.
        """
        quota: QuotaError | None = None
        for offer in offers:
            try:
                instance = self._in_some_zone(offer)
            except QuotaError as error:
                self.tried.append(Tried(offer, "", error.message))
                quota = quota or error
                continue
            if instance is not None:
                return instance
        raise self._none(quota)

    def repeat(self, pending: Pending) -> Instance | None:
        """The machine that an earlier order got, or would have got; None where nothing came of it.

        Raises:
            ZephyrError: nobody can say now.
        """
        young = pending.left_s(self.cloud) > 0
        try:
            found = self._carry_out(pending.order) if self.cloud.repeatable and young else pending.appears(self.cloud)
        except (NoCapacityError, QuotaError, ConflictError, GoneError) as error:
            pending.came_to_nothing(error.message)
            return None
        if found is None:
            pending.came_to_nothing("no such machine appeared")
        else:
            pending.made(found)
        return found

    def _in_some_zone(self, offer: Offer) -> Instance | None:
        for zone in self.cloud.zones(offer):
            try:
                if order := self._ready(offer, zone):
                    return self._order(order)
            except NoCapacityError as error:
                self.tried.append(Tried(offer, zone, error.message))
        return None

    def _ready(self, offer: Offer, zone: str) -> Order | None:
        """The order with its parts; None where there is no network or no image: another place may have both."""
        try:
            return self.cloud.ready(self.draft(offer, zone), self.journal)
        except ConflictError:
            raise  # What is in the way is the user's own, and has the name that would be used there, too.
        except (ConfigError, GoneError) as error:
            self.tried.append(Tried(offer, zone, error.message))
            self.unready.append(error)
            return None

    def _order(self, order: Order) -> Instance:
        self.journal.intend(CREATE, order=order.model_dump_json())
        try:
            instance = self._carry_out(order)
        except AmbiguousError:
            raise  # The intent stays open: the next run looks for the machine.
        except ZephyrError as error:
            self.journal.failed(CREATE, cause=error.message)
            raise
        self.journal.done(CREATE, id=instance.id)
        return instance

    def _carry_out(self, order: Order) -> Instance:
        """Give the order until there is an answer to it; only where that is safe more than once."""
        try:
            return self._unthrottled(order)
        except AmbiguousError as error:
            lost = error
        if not self.cloud.repeatable:
            found = appears(self.cloud, order, self.cloud.settle_s)
            if found is None:
                raise lost
            return found
        for pause_s in REPEAT_S:
            time.sleep(pause_s)
            try:
                return self._unthrottled(order)
            except AmbiguousError as error:
                lost = error
        raise lost

    def _unthrottled(self, order: Order) -> Instance:
        for pause_s in THROTTLED_S:
            try:
                return self.cloud.create(order)
            except ThrottledError:
                time.sleep(pause_s)
        return self.cloud.create(order)

    def _none(self, quota: QuotaError | None) -> ZephyrError:
        if self.unready and len(self.unready) == len(self.tried):
            return self.unready[0]
        table = "".join(f"\n  {tried}" for tried in self.tried)
        details = {"tried": [str(tried) for tried in self.tried]}
        if quota is not None and all(not tried.zone for tried in self.tried):
            return QuotaError(f"the account may not have such a machine{table}", hint=quota.hint, details=details)
        hint = "Try again later, name other regions or GPUs, or allow --spot: `zephyr-deploy offers`."
        return NoCapacityError(f"no such machine is to be had now{table}", hint=hint, details=details)


def token_for(*parts: str) -> str:
    """The token of an order: 64 hexadecimal digits, the same for the same parts."""
    return hashlib.sha256("/".join(parts).encode()).hexdigest()
