"""Calls of the verbs on a cloud in memory, one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.deploy.clouds.launch import Launch, Wanted
from zephyr_deploy.deploy.clouds.vanish import Vanish
from zephyr_deploy.deploy.journal import Journal
from zephyr_deploy.events import Phases
from zephyr_deploy.spec.deployment import Cost

if TYPE_CHECKING:
    from emulators.memory import MemoryCloud

NAME = "demo"


class Calls:
    """One call of a verb after the other, each with a journal of its own, as processes have them."""

    def __init__(self, cloud: MemoryCloud, events: list) -> None:
        self.cloud, self.events = cloud, events

    def launch(self, **changes) -> Launch:
        given = {"wanted": self.wanted, **changes}
        return Launch(self.cloud, NAME, Phases(self.events.append), Journal(NAME), **given)

    def wanted(self) -> Wanted:
        return Wanted(offers=self.cloud.offers(), disk_gb=100, cost=Cost())

    def up(self, **changes):
        return self.launch(**changes).run()

    def down(self, **changes):
        return Vanish(self.cloud, NAME, Phases(self.events.append), Journal(NAME), **changes).run()

    def notices(self) -> str:
        return "\n".join(event.message for event in self.events if hasattr(event, "level"))


class Line:
    """A connection to a machine that is none."""

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *_: object) -> None:
        pass
