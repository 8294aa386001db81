"""`up --keep-alive`, once the endpoint is up: looks at its machine, and has another one made when it is taken back."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from zephyr_deploy.deploy.clouds.keep import Keep, Sight, left_of
from zephyr_deploy.deploy.clouds.present import present_machine
from zephyr_deploy.deploy.spent import cost_of_machine
from zephyr_deploy.errors import NoCapacityError, NotDeployedError, QuotaError, ZephyrError
from zephyr_deploy.node.program import call
from zephyr_deploy.providers.machines import Ending
from zephyr_deploy.providers.nodes.connect import connect_noted
from zephyr_deploy.providers.nodes.record import record_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from zephyr_deploy.events import Phases
    from zephyr_deploy.providers.clouds.contract import CloudProvider
    from zephyr_deploy.providers.clouds.types import Instance
    from zephyr_deploy.spec.deployment import Deployment

LOOK_S = 15.0
"""Between two looks: of the two minutes between a notice and the end, seven or eight are left."""
AGAIN_S = 120.0
"""Until a machine that was not to be had is asked for again, in seconds: one that ends may fill a quota for a while."""
ANSWER_S = 10.0
"""Longest wait for what a machine says of its end, in seconds."""


def _now() -> datetime:
    return datetime.now(timezone.utc)


@dataclass
class Watch:
    """Keeps one deployment.

    The limits of the wish are those of all its machines together: time counts from the first one's launch, and what the
    earlier ones have cost is taken off the budget. `extend` moves the end of those that follow, too.

    Args:
        cloud: Where it is.
        deployment: What was wanted, and is again.
        phases: What is told of.
        again: Is `up`, which the user has agreed to; it is called while there is none, or the one there is ends.
        sleep: Waits.
        now: The time.
    """

    cloud: CloudProvider
    deployment: Deployment
    phases: Phases
    again: Callable[[Deployment], object]
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], datetime] = _now
    spent_usd: float = 0.0
    """What the machines before the present one have cost."""

    def run(self) -> None:
        """Keep it until there is nothing to be kept: it was taken down, or ended itself.

        Raises:
            KeyboardInterrupt: the user pressed Ctrl-C; the endpoint goes on.
            ZephyrError: another machine is needed, and does not come up.
        """
        keep = self._present()
        until = self._until(keep.instance)
        while self._watch(keep):
            until = keep.instance.stamp.expires if keep.moved else until
            self.spent_usd += cost_of_machine(keep.instance, self.now()) or 0.0
            if not self._replaced(until):
                return
            keep = self._present()

    def _watch(self, keep: Keep) -> bool:
        """Look at one machine until it is gone, or not to be kept; whether it is to be replaced."""
        try:
            while True:
                verdict = keep.see(self._look(keep.instance), self.now())
                if verdict.say:
                    self.phases.notice(verdict.say, warning=verdict.then != "end")
                if verdict.then != "watch":
                    return verdict.then == "again"
                self.sleep(LOOK_S)
        except KeyboardInterrupt:
            self._leave(keep.instance)
            raise

    def _leave(self, instance: Instance) -> None:
        """Say that the endpoint goes on, what it costs, and how it is taken away."""
        name, stamp = self.deployment.name, instance.stamp
        end = f" until {stamp.expires:%Y-%m-%d %H:%M} UTC at the latest" if stamp.expires else ""
        said = f"{name} goes on, for ${stamp.price_per_hour_usd:.2f} an hour{end}, and nobody replaces it any more"
        self.phases.notice(f"{said}; take it down with: zephyr-deploy down {name}", warning=True)

    def _replaced(self, until: datetime | None) -> bool:
        """Have another machine made, as soon as there is one; False: time or budget are over."""
        while (cost := left_of(self.deployment.cost, until, self.spent_usd, self.now())) is not None:
            try:
                self.again(self.deployment.model_copy(update={"cost": cost}))
            except (NoCapacityError, QuotaError) as error:
                said = f"{error.message}\n  It is asked for again in {AGAIN_S / 60:.0f} minutes, until Ctrl-C."
                self.phases.notice(said, warning=True)
                self.sleep(AGAIN_S)
            else:
                self.phases.notice(f"{self.deployment.name} is served again; its address and its key are as they were.")
                return True
        said = "what is left of its time or its budget is too little for another machine"
        self.phases.notice(f"{self.deployment.name} is not replaced: {said}.", warning=True)
        return False

    def _present(self) -> Keep:
        name = self.deployment.name
        found = present_machine(self.cloud, name)
        if found is None:
            hint = f"zephyr-deploy status {name}"
            raise NotDeployedError(f"{self.cloud.name} has no machine of {name} that could be kept", hint=hint)
        return Keep(found)

    def _until(self, first: Instance) -> datetime | None:
        """When the last machine is to end by its time limit: as the first, unless its budget ended that one before."""
        cost, expires = self.deployment.cost, first.stamp.expires
        if expires is None or cost.budget_usd is None:
            return expires
        return None if cost.ttl is None else max(expires, (first.created_at or self.now()) + cost.ttl)

    def _look(self, instance: Instance) -> Sight:
        noted = record_of(self.deployment.name) is not None
        try:
            found = self.cloud.get(instance)
        except ZephyrError as error:
            return Sight(None, noted=noted, trouble=error.message)
        # Only one that can be taken back has anything to say that its cloud does not.
        ending = ending_of(self.cloud, found) if found.spot and found.state == "running" else None
        return Sight(found, ending, noted)


def ending_of(cloud: CloudProvider, instance: Instance) -> Ending | None:
    """What a machine says of its end; None: it does not answer."""
    if not instance.address:
        return None
    record = cloud.record(instance)
    try:
        with connect_noted(record, record.entry) as node:
            return Ending.read(call(node, "expiry", {}, deadline_s=ANSWER_S)["expiry"])
    except ZephyrError:
        return None
