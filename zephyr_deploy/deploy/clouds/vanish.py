"""`down` in a cloud: everything of a deployment goes, in an order that works, and is looked for until it is gone."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from zephyr_deploy.deploy.clouds.lately import DELETE, missing_s
from zephyr_deploy.deploy.clouds.pending import pending
from zephyr_deploy.errors import AmbiguousError, InUseError, LeftoversError, ThrottledError, ZephyrError
from zephyr_deploy.providers.clouds.types import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from zephyr_deploy.deploy.journal import Journal
    from zephyr_deploy.events import PhaseHandle, Phases
    from zephyr_deploy.providers.clouds.contract import CloudProvider
    from zephyr_deploy.providers.clouds.types import Resource

GONE_S = 900.0
"""A GPU machine takes minutes to end, and what it used is let go of after it."""
PAUSES_S = (0.2, 0.5, 1.0, 2.0, 3.0, 5.0)


@dataclass
class Vanish:
    """Takes away what a cloud has of one deployment.

    Args:
        cloud: Where.
        name: Of the deployment.
        phases: What is told of.
        journal: Of this run.
        gone_s: How long all of it may take, in seconds.
        spares_machines: Whether machines are left, for they can only be another call's.
    """

    cloud: CloudProvider
    name: str
    phases: Phases
    journal: Journal
    gone_s: float = GONE_S
    spares_machines: bool = False
    removed: list[Resource] = field(default_factory=list, init=False)
    """What was there and is proved gone."""

    def run(self) -> list[Resource]:
        """Everything that was there, once none of it is.

        Raises:
            LeftoversError: something is still there after ``gone_s``; it names what.
        """
        with self.phases.phase("settle", "Look for what was ordered") as phase:
            self._settle(phase)
        with self.phases.phase("delete", f"Delete what {self.cloud.name} has of it") as phase:
            self._delete_all(phase)
            if not self.removed:
                phase.unchanged("nothing was there")
        return self.removed

    def _settle(self, phase: PhaseHandle) -> None:
        """Wait for machines that were ordered by a call without an answer: an order may be carried out late."""
        orders = pending(self.name, self.cloud)
        if not orders:
            phase.unchanged("every order has an end")
        for order in orders:
            found = order.appears(self.cloud)
            if found is None:
                order.came_to_nothing("no such machine appeared")
            else:
                order.made(found)

    def _delete_all(self, phase: PhaseHandle) -> None:
        end, pauses, asked = time.monotonic() + self.gone_s, iter(PAUSES_S), set[tuple[str, str]]()
        while (left := self._left()) or missing_s(self.name, self.cloud, {thing.id for thing in self.removed}) > 0:
            known = {(thing.kind, thing.id) for thing in self.removed}
            self.removed += [thing for thing in left if (thing.kind, thing.id) not in known]
            if left and time.monotonic() > end:
                raise self._leftovers(left)
            what = str(left[0]) if left else "what was made last may be in no list yet"
            phase.progress(len(self.removed) - len(left), len(self.removed), "things", what)
            for thing in first_kind(left):
                self._delete(thing, asked)
            time.sleep(next(pauses, PAUSES_S[-1]))

    def _left(self) -> list[Resource]:
        try:
            left = self.cloud.resources(self.name)
        except ThrottledError:
            time.sleep(PAUSES_S[-1])
            left = self.cloud.resources(self.name)
        return [thing for thing in left if thing.kind != "instance"] if self.spares_machines else left

    def _delete(self, thing: Resource, asked: set[tuple[str, str]]) -> None:
        """Have it deleted; a machine that is on its way is not asked again, and what is in use has its turn later."""
        if thing.kind == "instance" and (thing.kind, thing.id) in asked:
            return
        with suppress(InUseError, AmbiguousError, ThrottledError):
            delete(self.cloud, thing, self.journal)
            asked.add((thing.kind, thing.id))

    def _leftovers(self, left: Sequence[Resource]) -> LeftoversError:
        names = ", ".join(str(thing) for thing in left)
        hint = f"Run `zephyr-deploy down {self.name}` again; or delete it in the console of {self.cloud.name}."
        details = {"left": [thing.model_dump(mode="json") for thing in left]}
        return LeftoversError(f"still there after {self.gone_s:.0f} s: {names}", hint=hint, details=details)


def delete(cloud: CloudProvider, thing: Resource, journal: Journal) -> None:
    """Have one thing deleted, and write it down before and after.

    Raises:
        ZephyrError: it may not be.
    """
    journal.intend(DELETE, kind=thing.kind, id=thing.id, region=thing.region)
    try:
        cloud.delete(thing)
    except ZephyrError as error:
        journal.failed(DELETE, id=thing.id, cause=error.message)
        raise
    journal.done(DELETE, kind=thing.kind, id=thing.id)


def first_kind(things: Iterable[Resource]) -> list[Resource]:
    """Those that have to go before the others can."""
    by_kind = sorted(things, key=lambda thing: KINDS.index(thing.kind))
    return [thing for thing in by_kind if thing.kind == by_kind[0].kind]
