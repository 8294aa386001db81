"""`lock`, and what `up --locked` and `redeploy --locked` ask of it: zephyr.lock, beside zephyr.toml."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from zephyr_deploy.deploy.fleet import Fleet
from zephyr_deploy.deploy.honoured import machines_of, name_of
from zephyr_deploy.deploy.known import known
from zephyr_deploy.deploy.lockplace import found_lock, required_lock
from zephyr_deploy.deploy.noted import where_noted
from zephyr_deploy.deploy.wanted import lock_of_fleet, model_of_fleet, plan_of_fleet
from zephyr_deploy.errors import ConfigError, NotDeployedError
from zephyr_deploy.events import Listener, Phases, silent
from zephyr_deploy.node.knownhosts import write_private
from zephyr_deploy.providers.base import NodeProvider
from zephyr_deploy.providers.registry import is_cloud
from zephyr_deploy.providers.registry import provider as provider_named
from zephyr_deploy.release.honour import driver_of, nothing_to_lock, of_another_wish, refuse
from zephyr_deploy.release.lockchanges import Change, changes
from zephyr_deploy.release.lockfile import FileMachine, LockFile, lock_text, lockfile_of
from zephyr_deploy.release.render import render
from zephyr_deploy.release.resolve import fits, lock_of_model
from zephyr_deploy.spec.base import Frozen

if TYPE_CHECKING:
    from zephyr_deploy.deploy.fleet import Member
    from zephyr_deploy.node.hostkeys import Trust
    from zephyr_deploy.plan.plan import Plan
    from zephyr_deploy.release.lock import Lock
    from zephyr_deploy.spec.deployment import Deployment

MODE = 0o644
"""It is for everybody who can read the repository."""


class LockResult(Frozen):
    """What `lock` found, and wrote."""

    path: Path
    written: bool
    """False: it was so already, or was only to be shown."""
    changes: tuple[Change, ...]
    """What differs from the file as it was; everything, where there was none."""
    begun: bool
    """Whether there was none."""
    lock: LockFile


def check(deployment: Deployment, path: Path) -> LockFile:
    """See that wish and lock are of one another, as far as nobody has to be asked.

    Raises:
        ConfigError: they are not; every reason is in the message.
    """
    lock = required_lock(path)
    refuse(of_another_wish(lock, deployment, machines_of(deployment)), path.name, "is not the lock of what is wanted")
    return lock


def lock(
    deployment: Deployment,
    path: Path,
    *,
    upgrade: bool = False,
    dry_run: bool = False,
    trust: Trust | None = None,
    listener: Listener = silent,
) -> LockResult:
    """Write down what a deployment is made of: what serves, where that is what is wanted; else what is looked up.

    Args:
        deployment: What is wanted.
        path: Of the file.
        upgrade: Look image and model up anew in any case.
        dry_run: Find out, and write nothing.
        trust: What may make a pin.
        listener: Is told of every phase.

    Raises:
        ConfigError: its provider has nothing to lock; the wish cannot be fulfilled; the file cannot be written.
        NotDeployedError: its cloud has no machine of it yet, which would have to be asked.
        ZephyrError: a machine, a registry or the hub does not answer.
    """
    deployment, phases = where_noted(deployment), Phases(listener)
    before = _before(path, phases)
    with _fleet(deployment, phases) as fleet:
        fleet.connect(trust)
        fleet.look()
        _tell_of_trial(fleet)
        plan, pins = _pinned(fleet, deployment, before, upgrade=upgrade)
        machines = {name_of(fleet, member): _machine(fleet, member) for member in fleet.machines}
        found = lockfile_of(plan, pins, render(plan, pins), machines)
    differences = changes(before, found)
    if differences and not dry_run:
        write_private(path, lock_text(found), mode=MODE)
    return LockResult(
        path=path, written=bool(differences) and not dry_run, changes=differences, begun=before is None, lock=found
    )


def _before(path: Path, phases: Phases) -> LockFile | None:
    """The file as it was; one that cannot be read is as none, for it is going to be replaced."""
    try:
        return found_lock(path)
    except ConfigError as error:
        phases.notice(f"It is written anew: {error.message}.", warning=True)
        return None


def _fleet(deployment: Deployment, phases: Phases) -> Fleet:
    """The machines: those that the user names, or the one that a cloud has for the deployment already."""
    provider = provider_named(deployment.provider)
    if isinstance(provider, NodeProvider) and not is_cloud(provider.name):
        return Fleet.wanted(deployment, provider, phases)
    record = known(deployment.name) if is_cloud(provider.name) else None
    if record is not None and record.provider == provider.name:
        return Fleet.of(record, phases)
    if is_cloud(provider.name) or deployment.machine.gpu:
        hint = f"Begin with `zephyr-deploy up {deployment.name}`: what a registry has is asked by the machine."
        raise NotDeployedError(f"{deployment.name} is on no machine of a cloud yet", hint=hint)
    raise nothing_to_lock(provider.name)


def _tell_of_trial(fleet: Fleet) -> None:
    """What serves may be taken back yet."""
    trial = next((member.trial for member in fleet.members if member.trial), None)
    if trial is not None:
        said = f"What serves is on trial ({trial.by}): see that it is kept before you commit the lock."
        fleet.phases.notice(said, warning=True)


def _pinned(fleet: Fleet, deployment: Deployment, before: LockFile | None, *, upgrade: bool) -> tuple[Plan, Lock]:
    """The plan, and what it is made of: by what serves, else by the lock that there was, else by a look."""
    served = any(lock_of_model(member.lock, deployment) for member in fleet.members)
    kept = None if upgrade or served or before is None else before.pins
    if kept and lock_of_model(kept.model_dump_json(), deployment):
        plan = plan_of_fleet(fleet, deployment, kept.model)
        if fits(kept, plan):
            return plan, kept
    plan = plan_of_fleet(fleet, deployment, model_of_fleet(fleet, deployment, upgrade=upgrade))
    return plan, lock_of_fleet(fleet, plan, upgrade=upgrade)


def _machine(fleet: Fleet, member: Member) -> FileMachine:
    """A machine as it is now."""
    key = "" if is_cloud(fleet.provider) or member.connection is None else member.connection.host_key.fingerprint
    gpus = () if member.is_gateway else tuple(gpu.name for gpu in member.facts.gpus)
    return FileMachine(gpus=gpus, driver=driver_of(member.facts) if gpus else "", host_key=key)
