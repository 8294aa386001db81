"""`up --keep-alive`, once the endpoint is up: looks at its machine, and has another one made when it is taken back."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from zephyr_deploy.deploy.clouds.keep import Keep, Patience, Sight, left_of
from zephyr_deploy.deploy.clouds.present import present_machine
from zephyr_deploy.deploy.spent import cost_of_machine
from zephyr_deploy.errors import GoneError, NotDeployedError, ZephyrError
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
MINUTE_S = 60.0
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
            NotDeployedError: there is none.
            ZephyrError: another machine is needed, and does not come up; see `Patience` for what is tried again.
        """
        first = self._first()
        keep: Keep | None = first
        until = self._until(first.instance)
        while keep is not None and self._watch(keep):
            until = keep.instance.stamp.expires if keep.moved else until
            self.spent_usd += cost_of_machine(keep.instance, self.now()) or 0.0
            keep = self._replaced(until)

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

    def _replaced(self, until: datetime | None) -> Keep | None:
        """Have another machine made, as soon as there is one; None: time or budget are over, or somebody ended it."""
        name, patience = self.deployment.name, Patience()
        while (cost := left_of(self.deployment.cost, until, self.spent_usd, self.now())) is not None:
            if record_of(name) is None:
                self.phases.notice(f"{name} was taken down by somebody; it is not replaced.")
                return None
            try:
                self.again(self.deployment.model_copy(update={"cost": cost}))
                found = self._present()
                if found is None:
                    raise GoneError(f"the new machine of {name} is gone again", hint=f"zephyr-deploy up {name}")
            except ZephyrError as error:
                self._bear(error, patience)
            else:
                self.phases.notice(f"{name} is served again; its address and its key are as they were.")
                return found
        said = "what is left of its time or its budget is too little for another machine"
        self.phases.notice(f"{name} is not replaced: {said}.", warning=True)
        return None

    def _bear(self, error: ZephyrError, patience: Patience) -> None:
        """Wait until it may be tried again.

        Raises:
            ZephyrError: the same, where it is not.
        """
        pause_s = patience.wait_s(error, self.now())
        if pause_s is None:
            raise error
        wait = f"{pause_s / 60:.0f} minutes" if pause_s > MINUTE_S else f"{pause_s:.0f} s"
        self.phases.notice(f"{error.message}\n  It is tried again in {wait}, until Ctrl-C.", warning=True)
        self.sleep(pause_s)

    def _first(self) -> Keep:
        """The machine that is up."""
        patience = Patience()
        while True:
            try:
                found = self._present()
            except ZephyrError as error:
                self._bear(error, patience)
            else:
                break
        if found is None:
            name = self.deployment.name
            hint = f"zephyr-deploy status {name}"
            raise NotDeployedError(f"{self.cloud.name} has no machine of {name} that could be kept", hint=hint)
        return found

    def _present(self) -> Keep | None:
        found = present_machine(self.cloud, self.deployment.name)
        return Keep(found) if found else None

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
