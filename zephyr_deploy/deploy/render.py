"""`render`: the files that `up` would bring to the machines, and how they differ from those that serve there."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import ValidationError

from zephyr_deploy import hub
from zephyr_deploy.deploy.fleet import Fleet
from zephyr_deploy.deploy.noted import where_noted
from zephyr_deploy.deploy.results import DiffResult, NodeDiff, RenderResult
from zephyr_deploy.deploy.wanted import lock_of_fleet, plan_of_fleet
from zephyr_deploy.errors import ConfigError, UsageError
from zephyr_deploy.events import Listener, Phases, silent
from zephyr_deploy.node.hostkeys import Trust
from zephyr_deploy.plan.assumed import assumed_node
from zephyr_deploy.plan.node import plan_for_node
from zephyr_deploy.plan.planner import make_plan
from zephyr_deploy.providers.base import NodeProvider, ProcessProvider
from zephyr_deploy.providers.local.probe import probe
from zephyr_deploy.providers.registry import provider as provider_named
from zephyr_deploy.release.difference import changed, difference
from zephyr_deploy.release.lock import Lock, placeholder
from zephyr_deploy.release.render import render as render_release
from zephyr_deploy.release.resolve import fits, images_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from zephyr_deploy.plan.plan import Plan
    from zephyr_deploy.release.release import Release
    from zephyr_deploy.spec.deployment import Deployment

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
    """The ``lock.json`` of an earlier release, to be used instead of looking anything up."""


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
        release, complete = _here(deployment, provider, options, phases), True
    elif options.offline:
        release, complete = _assumed(deployment, options, phases), options.lock is not None
    else:
        with _looked_at(deployment, options, phases) as fleet:
            release, complete = _wanted(fleet, deployment, options), True
    return RenderResult(release=release.id, files=release.files, complete=complete)


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
        release = _wanted(fleet, deployment, options)
        answers = [
            (member.name, member.call("files", {"name": deployment.name}, deadline_s=FILES_S))
            for member in fleet.members
        ]
    nodes = tuple(_node_diff(name, str(there["release"]), there["files"], release) for name, there in answers)
    return DiffResult(release=release.id, same=all(node.same for node in nodes), nodes=nodes)


@contextmanager
def _looked_at(deployment: Deployment, options: RenderOptions, phases: Phases) -> Iterator[Fleet]:
    """The machines, connected and looked at."""
    provider = provider_named(deployment.provider)
    if not isinstance(provider, NodeProvider):
        raise TypeError(f"provider {provider.name} fills no contract that `render` knows")
    with Fleet(deployment.name, deployment.provider, provider.nodes(deployment), phases) as fleet:
        fleet.connect(options.trust)
        fleet.look()
        yield fleet


def _wanted(fleet: Fleet, deployment: Deployment, options: RenderOptions) -> Release:
    plan = plan_of_fleet(fleet, deployment)
    lock = _given_lock(options.lock, plan) if options.lock else lock_of_fleet(fleet, plan, upgrade=options.upgrade)
    return render_release(plan, lock)


def _assumed(deployment: Deployment, options: RenderOptions, phases: Phases) -> Release:
    plan = plan_for_node(deployment, assumed_node(deployment), hub=hub.endpoint())
    for note in plan.notes:
        phases.notice(note)
    engine, gateway = images_of(plan)
    placeholders = placeholder(engine, gateway, plan.source.location, plan.source.version)
    return render_release(plan, _given_lock(options.lock, plan) if options.lock else placeholders)


def _here(deployment: Deployment, provider: ProcessProvider, options: RenderOptions, phases: Phases) -> Release:
    """The release of a service on this machine; a model of which no digest is known is fetched, as `up` does."""
    plan = make_plan(deployment, probe())
    for note in plan.notes:
        phases.notice(note)
    if not plan.source.sha256 and not options.offline:
        with phases.phase("model", "Model") as phase:
            plan = provider.prepare(plan, phase)
    return provider.render(plan)


def _given_lock(path: Path, plan: Plan) -> Lock:
    """The lock in a file.

    Raises:
        ConfigError: it cannot be read, is no lock, or is that of another wish.
    """
    hint = "Give --lock the lock.json of a release with this image and model, or leave it out to look them up."
    try:
        lock = Lock.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no lock of a release"
        raise ConfigError(f"{path} cannot be used: {why}", hint=hint) from error
    if not fits(lock, plan):
        raise ConfigError(f"{path} pins {lock.engine.name} and {lock.repo}, and others are wanted", hint=hint)
    return lock


def _node_diff(name: str, serving: str, there: dict[str, str], release: Release) -> NodeDiff:
    text = difference(there, release.files, old_name=serving or name, new_name=release.id)
    paths = changed(there, release.files)
    return NodeDiff(node=name, release=serving, same=not paths, changed=paths, diff=text)
