"""The part of `down` that takes a deployment off machines reached over SSH, and looks that nothing of it is left."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from zephyr_deploy.deploy.fleet import Fleet, Member
from zephyr_deploy.deploy.hold import held
from zephyr_deploy.errors import LeftoversError, ZephyrError
from zephyr_deploy.providers.nodes.record import record_of
from zephyr_deploy.providers.registry import is_cloud

if TYPE_CHECKING:
    from zephyr_deploy.deploy.journal import Journal
    from zephyr_deploy.deploy.run import Run
    from zephyr_deploy.providers.base import Service
    from zephyr_deploy.providers.nodes.record import NodesRecord


@dataclass(frozen=True)
class NodesDown:
    """How it is done."""

    purge: bool = False
    """Delete weights and images too, unless another deployment of the machine uses them."""
    grace_s: float = 30.0
    lock_wait_s: float = 0.0
    forget: bool = False
    """Pass over machines that cannot be reached: they are gone for good."""


@dataclass
class Taken:
    """What was taken away."""

    services: list[Service] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)
    """Machines that were passed over."""


def take_off_nodes(run: Run, options: NodesDown) -> Taken:
    """Take the run's deployment off the machines that this user's note names; nothing where there is no note.

    Raises:
        ZephyrError: a machine cannot be reached.
        LeftoversError: something is still there.
    """
    record = record_of(run.name)
    if record is None or is_cloud(record.provider):  # with its machine everything on it is gone
        return Taken()
    return _take_off(record, run, options)


def _take_off(record: NodesRecord, run: Run, options: NodesDown) -> Taken:
    request = {
        "name": record.name,
        "who": run.who,
        "purge": options.purge,
        "grace_s": options.grace_s,
        "lock_wait_s": options.lock_wait_s,
    }
    taken = Taken()

    def work(member: Member) -> None:
        answer = member.call("remove", request)
        taken.removed += [f"{member.name}: {line}" for line in answer["removed"]]
        if answer["left"]:
            message = f"still on {member.name} after down: {', '.join(answer['left'])}"
            raise LeftoversError(message, hint="Run `zephyr-deploy down` again.")

    with Fleet.of(record, run.phases) as fleet:
        members = _connected(fleet, run.journal, forget=options.forget)
        taken.forgotten = [member.name for member in fleet.machines if member not in members]
        fleet.look(members)
        taken.services = [member.service for member in members if member.service]
        with (
            held(fleet, run, options.lock_wait_s, members),
            run.phases.phase("remove", "Take it off the machine") as phase,
        ):
            run.journal.intend("remove", nodes=" ".join(member.name for member in members))
            fleet.each(members, work)
            run.journal.done("remove")
            if not taken.removed:
                phase.unchanged("nothing was there")
    return taken


def _connected(fleet: Fleet, journal: Journal, *, forget: bool) -> list[Member]:
    """The machines that can be reached: all of them, unless the others may be forgotten."""
    try:
        fleet.connect(journal=journal)
    except ZephyrError as error:
        if not forget:
            gone = f"If the machine is gone for good: `zephyr-deploy down {fleet.name} --forget`."
            raise type(error)(
                error.message, hint=f"{error.hint or ''} {gone}".strip(), details=error.details
            ) from error
    return [member for member in fleet.machines if member.connection is not None]
