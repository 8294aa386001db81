"""`render`: the files that `up` would bring to the machines, and how they differ from those that serve there."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import ValidationError

from zephyr_deploy import hub
from zephyr_deploy.deploy.fleet import Fleet
from zephyr_deploy.deploy.front import wanted_front
from zephyr_deploy.deploy.noted import where_noted
from zephyr_deploy.deploy.results import DiffResult, NodeDiff, RenderResult
from zephyr_deploy.deploy.wanted import lock_of_fleet, model_of_fleet, plan_of_fleet
from zephyr_deploy.errors import ConfigError, UsageError
from zephyr_deploy.events import Listener, Phases, silent
from zephyr_deploy.node.address import NodeAddress
from zephyr_deploy.node.hostkeys import Trust
from zephyr_deploy.plan.assumed import assumed_node
from zephyr_deploy.plan.model.table import known_model
from zephyr_deploy.plan.node import plan_for_node
from zephyr_deploy.plan.planner import make_plan
from zephyr_deploy.providers.base import NodeProvider, ProcessProvider
from zephyr_deploy.providers.local.probe import probe
from zephyr_deploy.providers.registry import provider as provider_named
from zephyr_deploy.release.difference import changed, difference
from zephyr_deploy.release.front import render_front
from zephyr_deploy.release.lock import Lock, placeholder
from zephyr_deploy.release.lockfile import read_lock
from zephyr_deploy.release.render import render as render_release
from zephyr_deploy.release.resolve import fits, images_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from zephyr_deploy.deploy.fleet import Member
    from zephyr_deploy.plan.plan import Plan
    from zephyr_deploy.release.release import Release
    from zephyr_deploy.spec.deployment import Deployment

GATEWAY = "gateway"
"""Folder of the gateway's files among those that are shown."""
FILES_S = 60.0
"""Longest wait for a machine's files, in seconds."""


@dataclass(frozen=True)
class RenderOptions:
    """Where what a release is made of comes from."""

    trust: Trust = field(default_factory=Trust)
    upgrade: bool = False
    """Look images and model up anew, also where a lock of them is in use."""
    offline: bool = False
    """Ask neither a machine nor the hub: assume a machine, and pin nothing unless ``lock`` does."""
    lock: Path | None = None
    """A zephyr.lock, or the ``lock.json`` of an earlier release, to be used instead of looking anything up."""


def render(deployment: Deployment, options: RenderOptions | None = None, listener: Listener = silent) -> RenderResult:
    """The release that `up` would bring; nothing is changed anywhere.

    Raises:
        ConfigError: the wish cannot be fulfilled, or the lock is of another one.
        UnreachableError: a machine or the hub does not answer.
    """
    options, phases = options or RenderOptions(), Phases(listener)
    deployment = where_noted(deployment)
    provider = provider_named(deployment.provider)
    if isinstance(provider, ProcessProvider):
        release, front, complete = _here(deployment, provider, options, phases), None, True
    elif options.offline:
        release, front = _assumed(deployment, options, phases)
        complete = options.lock is not None and front is None
    else:
        with _looked_at(deployment, options, phases) as fleet:
            (release, front), complete = _wanted(fleet, deployment, options), True
    if front is None:
        return RenderResult(release=release.id, files=release.files, complete=complete)
    files = {**release.files, **{f"{GATEWAY}/{path}": text for path, text in front.files.items()}}
    return RenderResult(release=release.id, gateway=front.id, files=files, complete=complete)


def diff(deployment: Deployment, options: RenderOptions | None = None, listener: Listener = silent) -> DiffResult:
    """How the release that `up` would bring differs from the one that serves, on each machine.

    Raises:
        UsageError: there is no machine to compare with.
        ZephyrError: as `render`.
    """
    options, phases = options or RenderOptions(), Phases(listener)
    deployment = where_noted(deployment)
    if options.offline or not isinstance(provider_named(deployment.provider), NodeProvider):
        hint = "Leave --offline out, and say which: --provider ssh --host HOST, or the name of the deployment."
        raise UsageError("a difference needs a machine over SSH to compare with", hint=hint)
    with _looked_at(deployment, options, phases) as fleet:
        release, front = _wanted(fleet, deployment, options)
        wanted = [(member, release) for member in fleet.members]
        wanted += [(fleet.gateway, front)] if fleet.gateway and front else []
        nodes = tuple(_node_diff(deployment.name, member, one) for member, one in wanted)
    return DiffResult(release=release.id, same=all(node.same for node in nodes), nodes=nodes)


@contextmanager
def _looked_at(deployment: Deployment, options: RenderOptions, phases: Phases) -> Iterator[Fleet]:
    """The machines, connected and looked at."""
    provider = provider_named(deployment.provider)
    if not isinstance(provider, NodeProvider):
        raise TypeError(f"provider {provider.name} fills no contract that `render` knows")
    with Fleet.wanted(deployment, provider, phases) as fleet:
        fleet.connect(options.trust)
        fleet.look()
        yield fleet


def _wanted(fleet: Fleet, deployment: Deployment, options: RenderOptions) -> tuple[Release, Release | None]:
    """The nodes' release, and that of the gateway where it has a machine of its own."""
    given = _lock_in(options.lock) if options.lock else None
    model = given.model if given else model_of_fleet(fleet, deployment, upgrade=options.upgrade)
    plan = plan_of_fleet(fleet, deployment, model)
    lock = _fitting(given, plan, options) if given else lock_of_fleet(fleet, plan, upgrade=options.upgrade)
    return render_release(plan, lock), wanted_front(fleet, plan, lock.gateway) if fleet.gateway else None


def _assumed(deployment: Deployment, options: RenderOptions, phases: Phases) -> tuple[Release, Release | None]:
    """The same without a look: nodes have the names that the user gives them, and no authorities."""
    given = _lock_in(options.lock) if options.lock else None
    model = given.model if given else known_model(deployment.model.id)
    plan = plan_for_node(deployment, assumed_node(deployment), hub=hub.endpoint(), model=model)
    for note in plan.notes:
        phases.notice(note)
    engine, gateway = images_of(plan)
    lock = (
        _fitting(given, plan, options)
        if given
        else placeholder(engine, gateway, plan.source.location, plan.source.version)
    )
    machine, front = deployment.machine, None
    if machine.gateway:
        nodes = [NodeAddress.parse(host).host for host in (machine.host, *machine.hosts) if host]
        front = render_front(deployment, lock.gateway, caller=plan.caller, nodes=nodes, authorities=())
    return render_release(plan, lock), front


def _here(deployment: Deployment, provider: ProcessProvider, options: RenderOptions, phases: Phases) -> Release:
    """The release of a service on this machine; a model of which no digest is known is fetched, as `up` does."""
    plan = make_plan(deployment, probe())
    for note in plan.notes:
        phases.notice(note)
    if not plan.source.sha256 and not options.offline:
        with phases.phase("model", "Model") as phase:
            plan = provider.prepare(plan, phase)
    return provider.render(plan)


LOCK_HINT = "Give --lock one that has this image and model, or leave it out to look them up."


def _lock_in(path: Path) -> Lock:
    """The lock in a file: of a release, or what a zephyr.lock pins.

    Raises:
        ConfigError: it cannot be read, or is no lock.
    """
    try:
        text = path.read_bytes().decode()
        return Lock.model_validate_json(text)
    except ValidationError:
        return read_lock(text, str(path)).pins
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no lock of a release"
        raise ConfigError(f"{path} cannot be used: {why}", hint=LOCK_HINT) from error


def _fitting(lock: Lock, plan: Plan, options: RenderOptions) -> Lock:
    """The lock, if it is of what is planned.

    Raises:
        ConfigError: it is that of another wish.
    """
    if not fits(lock, plan):
        said = f"{options.lock} pins {lock.engine.name} and {lock.repo}, and others are wanted"
        raise ConfigError(said, hint=LOCK_HINT)
    return lock


def _node_diff(deployment: str, member: Member, release: Release) -> NodeDiff:
    answer = member.call("files", {"name": deployment}, deadline_s=FILES_S)
    serving, there = str(answer["release"]), answer["files"]
    text = difference(there, release.files, old_name=serving or member.name, new_name=release.id)
    paths = changed(there, release.files)
    return NodeDiff(node=member.name, release=serving, same=not paths, changed=paths, diff=text)
