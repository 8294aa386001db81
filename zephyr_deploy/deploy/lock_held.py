"""Who holds a deployment on its machines, and letting go by force of what somebody holds."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Literal

from zephyr_deploy.deploy import audit
from zephyr_deploy.deploy.fleet import Fleet
from zephyr_deploy.deploy.journal import Journal
from zephyr_deploy.deploy.known import known
from zephyr_deploy.deploy.run import Run
from zephyr_deploy.errors import LockedError, NotDeployedError
from zephyr_deploy.events import Listener, Phases, silent
from zephyr_deploy.spec.base import Frozen

if TYPE_CHECKING:
    from zephyr_deploy.deploy.fleet import Member

CALL_S = 60.0


class Holder(Frozen):
    """Who holds the deployment on one machine."""

    host: str
    of: Literal["run", "call"]
    """``run``: from its first change to its last; ``call``: a single one, which may outlive its caller."""
    user: str
    machine: str
    """Where it was called from."""
    command: str
    version: str
    run: str
    job: str = ""
    """Address of the CI's job; empty outside of one."""
    held_s: float

    def __str__(self) -> str:
        """For people."""
        job = f", {self.job}" if self.job else ""
        return f"`{self.command}` of {self.user} on {self.machine} (for {self.held_s:.0f} s{job})"


class LockHeld(Frozen):
    """Who holds a deployment; nobody where there is none."""

    name: str
    holders: tuple[Holder, ...]
    released: bool = False
    """Whether they have been let go by force."""


def show(name: str, listener: Listener = silent) -> LockHeld:
    """Ask every machine of a deployment who holds it.

    Raises:
        NotDeployedError: it is on no machine that is known here.
        UnreachableError: a machine cannot be asked.
    """
    with _fleet(name, listener) as fleet:
        fleet.connect()
        return LockHeld(name=name, holders=_asked(fleet, "held", {"name": name}))


def release(name: str, *, force: bool, listener: Listener = silent) -> LockHeld:
    """End what holds a deployment on its machines; who that was. It is noted in the audit logs.

    Args:
        name: Of the deployment.
        force: Whether to do it; else it is refused where somebody holds it.
        listener: Is told of every phase.

    Raises:
        LockedError: somebody holds it, and it is not to be forced.
        LeftoversError: what holds it does not end.
        NotDeployedError, UnreachableError: see `show`.
    """
    if not force:
        found = show(name, listener)
        if found.holders:
            raise _refused(found)
        return found
    began, start = datetime.now(timezone.utc), time.monotonic()
    with _fleet(name, listener) as fleet:
        run = Run(name, "lock release", fleet.phases, Journal(name))
        fleet.connect(journal=run.journal)
        holders = _asked(fleet, "let_go", {"name": name, "who": run.who})
    if holders:
        run.result, run.release = "changed", ""
        audit.tell(run, run.ended(began, time.monotonic() - start, None))
    return LockHeld(name=name, holders=holders, released=bool(holders))


def _refused(found: LockHeld) -> LockedError:
    said = "; ".join(f"on {holder.host} by {holder}" for holder in found.holders)
    hint = f"If it is gone for good: zephyr-deploy lock release {found.name} --force; else wait for it: --lock-wait 5m."
    return LockedError(f"{found.name} is held {said}", hint=hint, details=found.model_dump(mode="json"))


def _fleet(name: str, listener: Listener) -> Fleet:
    record = known(name)
    if record is None:
        hint = "`zephyr-deploy ls` shows what there is; a lock on this machine is that of a process, and goes with it."
        raise NotDeployedError(f"{name} is on no machine that is noted here", hint=hint)
    return Fleet.of(record, Phases(listener))


def _asked(fleet: Fleet, verb: str, request: dict[str, Any]) -> tuple[Holder, ...]:
    """Who holds each machine, as they answer, in their order."""
    answers: dict[str, dict[str, Any]] = {}

    def ask(member: Member) -> None:
        answers[member.name] = member.call(verb, request, deadline_s=CALL_S)

    fleet.each(fleet.machines, ask)
    return tuple(
        _holder(member.name, of, answers[member.name][of])
        for member in fleet.machines
        for of in ("run", "call")
        if answers[member.name][of]
    )


def _holder(host: str, of: Any, note: dict[str, Any]) -> Holder:
    words = {key: str(note.get(key, "?")) for key in ("user", "machine", "command", "version", "run")}
    return Holder(host=host, of=of, job=str(note.get("job", "")), held_s=float(note["held_s"]), **words)
