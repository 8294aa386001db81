"""`up` and `redeploy` on machines that are reached over SSH, whoever provides them.

One look at every machine decides what is to be done; on a machine that serves what is wanted, nothing else is.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from zephyr_deploy.agent.beside import Beside
from zephyr_deploy.deploy.fleet import Fleet
from zephyr_deploy.deploy.lock import deployment_lock
from zephyr_deploy.deploy.run import running
from zephyr_deploy.errors import ConfigError
from zephyr_deploy.events import Phases
from zephyr_deploy.node.hostkeys import Trust
from zephyr_deploy.providers.nodes.record import record_of
from zephyr_deploy.providers.registry import is_cloud

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from zephyr_deploy.deploy.bring import Bring
    from zephyr_deploy.deploy.clouds.launch import Proposal
    from zephyr_deploy.deploy.gate.wish import Gating
    from zephyr_deploy.deploy.honoured import Honoured
    from zephyr_deploy.deploy.journal import Journal
    from zephyr_deploy.deploy.results import UpResult
    from zephyr_deploy.deploy.run import Run
    from zephyr_deploy.events import Listener
    from zephyr_deploy.providers.base import NodeProvider
    from zephyr_deploy.spec.deployment import Deployment

READY_DEADLINE_S = 1800.0
"""Loading a model of a hundred gigabytes from a slow disk takes a quarter of an hour; more is a fault."""

STALL_S = 180.0
"""A line that brings nothing for so long brings nothing any more; a slow one may take its time."""


@dataclass(frozen=True)
class RolloutOptions:
    """How a rollout is done, beside what is wanted."""

    trust: Trust = field(default_factory=Trust)
    prepare: bool = True
    """Whether a machine that lacks something may be prepared."""
    upgrade: bool = False
    """Look images and model up anew, also where a lock of them is in use."""
    locked: Honoured | None = None
    """Bring what this lock says and nothing else; None: what is wanted, with what is looked up."""
    lock_wait_s: float = 0.0
    ready_deadline_s: float = READY_DEADLINE_S
    agree: Callable[[Proposal], None] | None = None
    """Asked before a machine is ordered from a cloud; raises where the user does not want it. None: agreed."""
    gate: bool | None = None
    """Whether a release that `redeploy` brings has to pass a gate; None: where zephyr.toml says what must not be."""
    stall_s: float = STALL_S
    """How long the hub and the registry may bring nothing, in seconds, whatever is tried."""


def rollout(
    deployment: Deployment,
    provider: NodeProvider,
    options: RolloutOptions,
    listener: Listener,
    *,
    command: str = "up",
) -> UpResult:
    """Bring every machine of the deployment to what is wanted; change nothing where it is so already.

    Args:
        deployment: What is wanted.
        provider: Where its machines come from.
        options: How it is done.
        listener: Is told of every phase.
        command: ``up``; or ``redeploy``, which neither prepares a machine nor begins on an empty one.

    Raises:
        ZephyrError: what failed first, once the other machines have ended; those that were done stay done.
    """
    begins, phases, name = command == "up", Phases(listener), deployment.name
    if options.locked:
        options.locked.require_wish(deployment)
    gate = None if begins else _gate(deployment, options.gate)
    with (
        deployment_lock(name, command, wait_s=options.lock_wait_s),
        running(name, command, phases, deployment) as run,
    ):
        for entry in run.journal.unfinished():
            phases.notice(f"An earlier run was cut off during {entry.step}; looking at what it left.")
        with _machines(deployment, provider, _asking(options, run), phases, run.journal, begins=begins) as fleet:
            fleet.connect(options.trust, run.journal)
            loading = Beside(lambda: _load(deployment))
            fleet.look(python_may_lack=begins and options.prepare, ports=_front_ports(fleet, deployment))
            if is_cloud(provider.name):
                from zephyr_deploy.deploy.clouds.ending import tell_of_end  # for those who have one

                tell_of_end(fleet, provider, deployment, phases)
            bring = loading.result(fleet, deployment, options, run, begins=begins)
            return bring.bring(gate)


def _gate(deployment: Deployment, asked: bool | None) -> Gating | None:
    """What a release has to pass, read before anything is done; None: nothing."""
    if not (deployment.gate.fail_if if asked is None else asked):
        return None
    from zephyr_deploy.deploy.gate.wish import gating  # for those who have one: the benchmark comes with it

    return gating(deployment)


def _asking(options: RolloutOptions, run: Run) -> RolloutOptions:
    """The same; a machine that is ordered is the first thing that changes, once the user has agreed to it."""

    def agree(proposal: Proposal) -> None:
        if options.agree:
            options.agree(proposal)
        run.about_to("deploy")

    return replace(options, agree=agree)


@contextmanager
def _machines(
    deployment: Deployment,
    provider: NodeProvider,
    options: RolloutOptions,
    phases: Phases,
    journal: Journal,
    *,
    begins: bool,
) -> Iterator[Fleet]:
    """The machines: the user's own, or the one that a cloud has or makes for it."""
    if is_cloud(provider.name):
        from zephyr_deploy.deploy.clouds.place import placed  # for those who have one

        with placed(deployment, options, phases, journal, begins=begins) as fleet:
            yield fleet
        return
    with Fleet.wanted(deployment, provider, phases) as fleet:
        _refuse_to_leave(fleet)
        yield fleet


def _refuse_to_leave(fleet: Fleet) -> None:
    """See that no machine that it is on by this user's note is left out: what runs there would be forgotten."""
    record, wanted = record_of(fleet.name), {member.address.place for member in fleet.machines}
    left = [str(address) for address in record.machines if address.place not in wanted] if record else []
    if left:
        message = f"{fleet.name} is on {', '.join(left)}, which is not among the machines wanted now"
        hint = f"Take it off first: `zephyr-deploy down {fleet.name}`; or name all machines; or choose another name."
        raise ConfigError(message, hint=hint)


def _front_ports(fleet: Fleet, deployment: Deployment) -> list[tuple[str, int]]:
    """What a gateway on a machine of its own has to have free."""
    if fleet.gateway is None:
        return []
    from zephyr_deploy.deploy.front import front_ports  # for those who have one

    return front_ports(deployment, fleet.gateway.name)


def _load(deployment: Deployment) -> type[Bring]:
    """What comes after the look, loaded while the machines work on their answer."""
    from zephyr_deploy.deploy import bring

    bring.load(deployment)
    return bring.Bring
