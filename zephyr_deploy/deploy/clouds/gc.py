"""`gc` and `ls --orphans`: what clouds have of ours that this machine does not know of, or whose time is over."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import TYPE_CHECKING

from zephyr_deploy.deploy.clouds.vanish import Vanish
from zephyr_deploy.deploy.clouds.warn import Warned
from zephyr_deploy.deploy.forget import forget_state
from zephyr_deploy.deploy.journal import Journal
from zephyr_deploy.deploy.known import begun_in, configured_clouds, is_here, of_each, required_clouds
from zephyr_deploy.deploy.lock import deployment_lock
from zephyr_deploy.deploy.spent import cost_of_machines
from zephyr_deploy.errors import ConflictError, ZephyrError
from zephyr_deploy.events import Listener, Phases, silent
from zephyr_deploy.providers.clouds.types import Resource
from zephyr_deploy.providers.clouds.visits import Opening
from zephyr_deploy.providers.nodes.record import record_of
from zephyr_deploy.providers.registry import cloud
from zephyr_deploy.spec.base import Frozen, ProviderName

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from zephyr_deploy.providers.clouds.contract import CloudProvider


class Orphan(Frozen):
    """Everything that one cloud has of one deployment."""

    deployment: str
    provider: ProviderName
    resources: tuple[Resource, ...]
    noted: bool
    """Whether this machine knows it: then `down` is for it, unless its time is over."""
    created_at: datetime | None = None
    """Of the oldest thing whose time of creation the cloud tells."""
    expires: datetime | None = None
    """The latest time at which a part of it may be taken away; None: never."""
    price_per_hour_usd: float = 0.0
    cost_usd: float = 0.0
    """So far."""

    def is_over(self, now: datetime) -> bool:
        """Whether its time is over, for all of it."""
        return self.expires is not None and self.expires <= now


class Collected(Frozen):
    """What `gc` found and did."""

    orphans: tuple[Orphan, ...]
    removed: tuple[Resource, ...] = ()
    """What is proved gone."""
    closed: tuple[Opening, ...] = ()
    """What firewalls had open to guests past their time."""
    left: tuple[str, ...] = ()
    """What could not be taken away, and why."""
    warnings: tuple[Warned, ...] = ()
    """What is to be known of the machines that stay; empty where that was not asked."""


def orphans(*, expired: bool = False, on_trouble: Callable[[str], None] | None = None) -> list[Orphan]:
    """What is in the clouds and not known here; or, with ``expired``, whose time is over, known here or not.

    Args:
        expired: See above.
        on_trouble: Told of a cloud that cannot be asked, and why; None: that is an error.

    Raises:
        CredentialsError: there are credentials for no cloud.
        ZephyrError: a cloud cannot be asked, and nobody is told.
    """

    def left(one: CloudProvider) -> list[Orphan]:
        there, now = _by_deployment(one.resources()), one.now()
        return [orphan for orphan in there if (orphan.is_over(now) if expired else not orphan.noted)]

    return of_each(required_clouds(), left, on_trouble)


def overdue(on_trouble: Callable[[str], None] | None = None) -> list[Opening]:
    """What is open to guests of machines and should not be any more: they were killed, or could not close it.

    Args:
        on_trouble: As `orphans`.

    Raises:
        ZephyrError: a cloud cannot be asked, and nobody is told.
    """

    def open_still(one: CloudProvider) -> list[Opening]:
        return [opening for opening in one.openings() if opening.is_over(one.now())]

    return of_each(configured_clouds(), open_still, on_trouble)


def shut_all(openings: Iterable[Opening]) -> tuple[list[Opening], list[str]]:
    """Close these; those that are closed, and what could not be, with the reason."""
    closed, left = list[Opening](), list[str]()
    for opening in openings:
        try:
            cloud(opening.provider).shut(opening)
        except ZephyrError as error:
            left.append(f"{opening} stays open: {error.message}")
        else:
            closed.append(opening)
    return closed, left


def collect(found: Sequence[Orphan], listener: Listener = silent) -> Collected:
    """Take these away; what cannot be is told, and does not keep the others."""
    removed, left = list[Resource](), list[str]()
    for orphan in found:
        try:
            removed += _collected(orphan, Phases(listener))
        except ZephyrError as error:
            left.append(f"{orphan.deployment}: {error.message}")
    return Collected(orphans=tuple(found), removed=tuple(removed), left=tuple(left))


def _collected(orphan: Orphan, phases: Phases) -> list[Resource]:
    name = orphan.deployment
    with deployment_lock(name, "gc"):
        _require_over(orphan)
        gone = Vanish(cloud(orphan.provider), name, phases, Journal(name)).run()
        if _is_all(orphan):
            forget_state(name)
    return gone


def _require_over(orphan: Orphan) -> None:
    """See that what was over when it was listed is so still: its user may have been asked a while ago.

    Raises:
        ConflictError: somebody has moved its end since.
    """
    one = cloud(orphan.provider)
    if not orphan.is_over(one.now()):
        return
    there = _by_deployment(one.resources(orphan.deployment))
    if there and not there[0].is_over(one.now()):
        hint = f"zephyr-deploy down {orphan.deployment} takes it away all the same."
        raise ConflictError("its end was moved since it was listed", hint=hint)


def _is_all(orphan: Orphan) -> bool:
    """Whether nothing else is known here by that name: on this machine, on others, or begun in another cloud."""
    name, record = orphan.deployment, record_of(orphan.deployment)
    if record is not None:
        return record.provider == orphan.provider
    return begun_in(name) in {None, orphan.provider} and not is_here(name)


def _by_deployment(resources: Iterable[Resource]) -> list[Orphan]:
    groups: defaultdict[tuple[str, ProviderName], list[Resource]] = defaultdict(list)
    for resource in resources:
        groups[resource.stamp.deployment, resource.provider].append(resource)
    return [_orphan(name, provider, things) for (name, provider), things in sorted(groups.items())]


def _orphan(name: str, provider: ProviderName, things: list[Resource]) -> Orphan:
    # A group or a key may be older than the machine that uses it now: the machine's time counts, where there is one.
    deciding = [thing for thing in things if thing.kind == "instance"] or things
    expiries = [thing.stamp.expires for thing in deciding]
    record = record_of(name)
    return Orphan(
        deployment=name,
        provider=provider,
        resources=tuple(things),
        noted=record is not None and record.provider == provider,
        created_at=min((thing.created_at for thing in things if thing.created_at), default=None),
        expires=None if None in expiries else max(expiry for expiry in expiries if expiry),
        price_per_hour_usd=sum(thing.stamp.price_per_hour_usd for thing in things if thing.kind == "instance"),
        cost_usd=cost_of_machines(things),
    )
