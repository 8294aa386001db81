"""What `up --locked` and `redeploy --locked` ask of zephyr.lock: nothing but what it says is brought to a machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from zephyr_deploy.deploy.fleet import LOOK_S
from zephyr_deploy.engines.base import Problem
from zephyr_deploy.errors import ConfigError
from zephyr_deploy.plan.gpus import known_as
from zephyr_deploy.providers.base import NodeProvider
from zephyr_deploy.providers.registry import is_cloud
from zephyr_deploy.providers.registry import provider as provider_named
from zephyr_deploy.release.honour import (
    driver_of,
    has_newer_driver,
    of_another_machine,
    of_another_release,
    of_another_wish,
    refusal,
    refuse,
)
from zephyr_deploy.release.lockfile import machine_name
from zephyr_deploy.release.request import digests_request

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from zephyr_deploy.deploy.fleet import Fleet, Member
    from zephyr_deploy.plan.plan import Plan
    from zephyr_deploy.release.lock import Lock, LockedImage
    from zephyr_deploy.release.lockfile import LockFile
    from zephyr_deploy.release.release import Release
    from zephyr_deploy.spec.deployment import Deployment

SAID = "cannot be honoured"


@dataclass(frozen=True)
class Honoured:
    """A lock that a run keeps to; whatever stands in the way is told before anything is changed."""

    path: Path
    lock: LockFile

    @property
    def pins(self) -> Lock:
        """The lock of the release that is to serve."""
        return self.lock.pins

    def placed(self, deployment: Deployment) -> Deployment:
        """A wish that leaves open which cloud, or which cards, with those that were locked: no other is ordered."""
        provider = self.lock.provider
        if not is_cloud(provider) or ("provider" in deployment.model_fields_set and deployment.provider != provider):
            return deployment  # the user's own machine, or a wish that is refused
        cards = self.lock.machines[provider].gpus if provider in self.lock.machines else ()
        card = known_as(cards[0]) if cards else None
        machine = deployment.machine
        locked = {"gpu": machine.gpu or (card.key if card else None), "gpus": machine.gpus or self.lock.serving.shards}
        return deployment.model_copy(update={"provider": provider, "machine": machine.model_copy(update=locked)})

    def require_wish(self, deployment: Deployment) -> None:
        """See that it is the lock of what is wanted; nobody is asked.

        Raises:
            ConfigError: it is that of another wish.
        """
        self._refuse(of_another_wish(self.lock, deployment, machines_of(deployment)))

    def require_machines(self, fleet: Fleet) -> None:
        """See that the machines are those that were locked; a newer driver is only told of.

        Raises:
            ConfigError: one is another, or has an older driver.
        """
        names = [(name_of(fleet, member), member) for member in fleet.members]
        machines = self.lock.machines
        self._refuse([p for name, member in names for p in of_another_machine(name, machines.get(name), member.facts)])
        for name, member in names:
            if has_newer_driver(machines[name], member.facts):
                was, now = machines[name].driver, driver_of(member.facts)
                fleet.phases.notice(f"The driver of {name} is {now}, newer than {was} in {self.path.name}.")

    def require_release(self, plan: Plan, release: Release) -> None:
        """See that what would be brought is what was locked.

        Raises:
            ConfigError: it is another release.
        """
        self._refuse(of_another_release(self.lock, plan, release))

    def require_images(self, fleet: Fleet, waiting: Sequence[Member]) -> None:
        """See that machines which are to be brought to it have its images, or can have them.

        Raises:
            ConfigError: a digest is in no registry any more.
            ZephyrError: a machine or a registry does not answer.
        """
        engine, gateway = self.pins.engine, self.pins.gateway
        for member in waiting:
            self._require(member, (engine, gateway))
        if fleet.gateway and not fleet.gateway.front:
            self._require(fleet.gateway, (gateway,))

    def _require(self, member: Member, images: Sequence[LockedImage]) -> None:
        request = digests_request([image.reference for image in images], unless_here=True)
        try:
            member.call("digests", request, deadline_s=LOOK_S)
        except ConfigError as error:
            fix = "`zephyr-deploy lock --upgrade` takes the one of that name now."
            gone = Problem(f"image on {member.name}", error.message, fix)
            raise refusal([gone], self.path.name, SAID) from error

    def _refuse(self, problems: list[Problem]) -> None:
        refuse(problems, self.path.name, SAID)


def machines_of(deployment: Deployment) -> list[str] | None:
    """The machines that the user names, by their names in the lock; None where they come from a cloud, or a note."""
    provider = provider_named(deployment.provider)
    if deployment.provider != "ssh" or not isinstance(provider, NodeProvider):
        return None
    gateway = provider.gateway(deployment)
    return [machine_name(address) for address in (*provider.nodes(deployment), *((gateway,) if gateway else ()))]


def name_of(fleet: Fleet, member: Member) -> str:
    """What a machine is called in the lock: one that a cloud makes anew now and then by the cloud's name."""
    return fleet.provider if is_cloud(fleet.provider) else machine_name(member.address)
