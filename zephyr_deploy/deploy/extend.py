"""`extend`: move the end of a machine in a cloud, on the machine and in what its cloud keeps of it.

The earlier of the two is in force: the machine ends itself by its own clock, whoever cleans up goes by the cloud. So
what is cut off half-way leaves the earlier end, and the same call again does the rest. What makes it later is told to
the machine first, or one that has ended itself could cost on for as long as its cloud says; what makes it sooner is
told to the cloud first, for the same reason. How long it may be unused is the machine's own affair.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Literal

from zephyr_deploy.deploy.journal import Journal
from zephyr_deploy.deploy.known import known
from zephyr_deploy.deploy.lock import deployment_lock
from zephyr_deploy.deploy.origin import who
from zephyr_deploy.deploy.spent import cost_of_machine
from zephyr_deploy.errors import ConfigError, NotDeployedError, UsageError
from zephyr_deploy.events import Listener, Phases, silent
from zephyr_deploy.node.program import call
from zephyr_deploy.providers.clouds.contract import EndsItself
from zephyr_deploy.providers.clouds.stamp import written
from zephyr_deploy.providers.machines import Ending
from zephyr_deploy.providers.nodes.connect import connect_noted
from zephyr_deploy.providers.registry import cloud, is_cloud
from zephyr_deploy.spec.base import Frozen

if TYPE_CHECKING:
    from collections.abc import Callable

    from zephyr_deploy.providers.clouds.contract import CloudProvider
    from zephyr_deploy.providers.clouds.types import Instance
    from zephyr_deploy.providers.nodes.record import NodesRecord

CALL_S = 30.0
Length = timedelta | Literal["none"]
"""Of a limit; ``none``: there is none, which has to be said."""


class Extended(Frozen):
    """What `extend` brought about."""

    name: str
    before: datetime | None
    """When it would have ended; None: never."""
    ends_at: datetime | None
    """When it ends now."""
    ends_itself: bool
    """Whether it does so without anybody's help."""
    idle_at: datetime | None = None
    """When it ends if nobody uses it before; None: never for that."""
    price_per_hour_usd: float
    cost_usd: float | None
    """What it will have cost at its end; None: it has none, or nobody knows when it was made."""


@dataclass(frozen=True)
class Move:
    """What is to be moved, and where to."""

    by: timedelta | None = None
    to: Length | None = None
    idle: Length | None = None

    def checked(self) -> Move:
        """The same; it can be carried out.

        Raises:
            UsageError: it says nothing, or twice when the machine ends.
        """
        hint = "zephyr-deploy extend --help"
        if self.by is not None and self.to is not None:
            raise UsageError("Either how much later it ends, or how long from now.", hint=hint)
        if self == Move():
            said = "Say how much later it ends, --to how long from now, or --idle how long without a request."
            raise UsageError(said, hint=hint)
        return self

    @property
    def moves_end(self) -> bool:
        """Whether the time limit is to be another."""
        return self.by is not None or self.to is not None


def extend(
    name: str,
    by: timedelta | None = None,
    *,
    to: Length | None = None,
    idle: Length | None = None,
    listener: Listener = silent,
    lock_wait_s: float = 0,
) -> Extended:
    """Move the end of a deployment's machine, or how long it may be without a request.

    Args:
        name: Of the deployment.
        by: How much later it ends than it would.
        to: Instead, how long it lives from now on.
        idle: Also or instead, how long it may be without a request; where nobody says, that stays as it is.
        listener: Is told of every phase.
        lock_wait_s: How long to wait, in seconds, while another process works on this deployment.

    Raises:
        UsageError: nothing is to be moved, or to two places.
        ConfigError: its machine is the user's own, which has no end; or it does not end itself, and so no ``idle``.
        NotDeployedError: it has no machine.
        UnreachableError: the machine, or its cloud, cannot be told; the earlier end is in force.
        LockedError: another process works on this deployment.
    """
    move, phases, record = Move(by, to, idle).checked(), Phases(listener), known(name)
    if record is None:
        raise NotDeployedError(f"{name} has no machine in a cloud", hint=f"Begin with `zephyr-deploy up {name}`.")
    if not is_cloud(record.provider):
        hint = "Only machines that were made in a cloud have an end; `zephyr-deploy down` takes yours off."
        raise ConfigError(f"{name} is on a machine of yours, which does not end itself", hint=hint)
    with deployment_lock(name, "extend", wait_s=lock_wait_s):
        return Extend(cloud(record.provider), name, phases, Journal(name)).run(move)


class Extend:
    """One call.

    Args:
        cloud: Where the machine is.
        name: Of the deployment.
        phases: What is told of.
        journal: Of this run.
    """

    def __init__(self, cloud: CloudProvider, name: str, phases: Phases, journal: Journal) -> None:
        self.cloud = cloud
        self.name = name
        self.phases = phases
        self.journal = journal

    def run(self, move: Move) -> Extended:
        """See `extend`."""
        with self.phases.phase("look", "Look at its end"):
            instance = self._instance()
            record = self.cloud.record(instance)
            ending = self._asked(record, "expiry") if isinstance(self.cloud, EndsItself) else None
        if move.idle is not None and ending is None:
            raise self._no_idle()
        if isinstance(self.cloud, EndsItself) and ending is None:
            said = f"the machine of {self.name} does not end itself; only its cloud is told"
            self.phases.notice(said, warning=True)
        ends = [end for end in (instance.stamp.expires, ending.at if ending else None) if end]
        before = min(ends, default=None)
        target = self._target(before, move)
        self.journal.intend("extend", id=instance.id, expires=written(target))
        told = ending

        def tell_machine() -> None:
            nonlocal told
            asker = {"name": self.name, "who": {**who("extend"), "run": self.journal.run}}
            told = self._asked(record, "extend", **_request(move, target), **asker)

        def tell_cloud() -> None:
            self.cloud.restamp(instance, instance.stamp.model_copy(update={"expires": target}))

        steps: list[tuple[str, Callable[[], None]]] = [("Tell its cloud", tell_cloud)] if move.moves_end else []
        if ending:
            steps.insert(0 if _later(target, before) else len(steps), ("Tell the machine", tell_machine))
        for title, step in steps:
            with self.phases.phase("tell", title):
                step()
        self.journal.done("extend")
        if move.moves_end:
            record.model_copy(update={"expires": target}).save()
        return Extended(
            name=self.name,
            before=before,
            ends_at=target,
            ends_itself=told is not None,
            idle_at=told.idle_at if told else None,
            price_per_hour_usd=instance.stamp.price_per_hour_usd,
            cost_usd=cost_of_machine(instance, target) if target else None,
        )

    def _no_idle(self) -> ConfigError:
        said = f"{self.name} does not end itself, used or not: there is no limit of its time without a request"
        hint = f"Its time limit can be moved: zephyr-deploy extend {self.name} --to 2h"
        return ConfigError(said, hint=hint)

    def _instance(self) -> Instance:
        instance = next(iter(self.cloud.reachable(self.name)), None)
        if instance is None:
            hint = f"Begin anew with `zephyr-deploy up {self.name}`."
            raise NotDeployedError(f"{self.cloud.name} has no machine of {self.name} any more", hint=hint)
        return instance

    def _asked(self, record: NodesRecord, verb: str, **request: Any) -> Ending | None:
        with connect_noted(record, record.entry) as node:
            return Ending.read(call(node, verb, request, deadline_s=CALL_S)["expiry"])

    def _target(self, before: datetime | None, move: Move) -> datetime | None:
        now = datetime.now(timezone.utc)
        if move.to is not None:
            return now + move.to if isinstance(move.to, timedelta) else None
        if move.by is None:
            return before
        if before is None:
            hint = f"Give it one: zephyr-deploy extend {self.name} --to 8h"
            raise ConfigError(f"{self.name} has no time limit that could be later", hint=hint)
        return max(before, now) + move.by


def _request(move: Move, target: datetime | None) -> dict[str, float | None]:
    """As `zephyr_deploy.agent.extend` reads it."""
    asked: dict[str, float | None] = {}
    if move.moves_end:
        asked["left_s"] = (target - datetime.now(timezone.utc)).total_seconds() if target else None
    if move.idle is not None:
        asked["idle_s"] = move.idle.total_seconds() if isinstance(move.idle, timedelta) else None
    return asked


def _later(target: datetime | None, before: datetime | None) -> bool:
    return target is None or (before is not None and target > before)
