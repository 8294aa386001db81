"""`up` and `redeploy` on machines that are reached over SSH, whoever provides them.

One look at every machine decides what is to be done; on a machine that serves what is wanted, nothing else is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from zephyr_deploy.deploy.fleet import Fleet, Member
from zephyr_deploy.deploy.journal import Journal
from zephyr_deploy.deploy.lock import deployment_lock
from zephyr_deploy.deploy.origin import who
from zephyr_deploy.deploy.prepare import prepare, require_ready
from zephyr_deploy.deploy.results import PhaseReport, UpResult
from zephyr_deploy.deploy.wanted import lock_of_fleet, plan_of_fleet
from zephyr_deploy.errors import ConfigError, NotDeployedError, ZephyrError
from zephyr_deploy.events import Phases
from zephyr_deploy.node.hostkeys import Trust
from zephyr_deploy.providers.nodes.key import settled_key
from zephyr_deploy.providers.nodes.record import NodesRecord, record_of
from zephyr_deploy.release.render import peer_port, render
from zephyr_deploy.release.request import apply_request
from zephyr_deploy.spec.sources import api_key, hub_token

if TYPE_CHECKING:
    from zephyr_deploy.events import Listener
    from zephyr_deploy.node.address import NodeAddress
    from zephyr_deploy.plan.plan import Plan
    from zephyr_deploy.providers.base import NodeProvider, Service
    from zephyr_deploy.release.lock import Lock
    from zephyr_deploy.release.release import Release
    from zephyr_deploy.spec.deployment import Deployment
    from zephyr_deploy.spec.secret import Secret

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
    lock_wait_s: float = 0.0
    ready_deadline_s: float = READY_DEADLINE_S
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
    with deployment_lock(deployment.name, command, wait_s=options.lock_wait_s):
        return _Rollout(deployment, provider, options, Phases(listener), command).run()


class _Rollout:
    """One run, its steps in order."""

    def __init__(
        self, deployment: Deployment, provider: NodeProvider, options: RolloutOptions, phases: Phases, command: str
    ) -> None:
        self.deployment = deployment
        self.options = options
        self.phases = phases
        self.command = command
        self.may_prepare = options.prepare and command == "up"
        self.who = who(command)
        self.provider = provider
        self.journal = Journal(deployment.name)

    def run(self) -> UpResult:
        for entry in self.journal.unfinished():
            self.phases.notice(f"An earlier run was cut off during {entry.step}; looking at what it left.")
        addresses = self.provider.nodes(self.deployment)
        self._refuse_to_leave(addresses)
        with Fleet(self.deployment.name, self.deployment.provider, addresses, self.phases) as fleet:
            fleet.connect(self.options.trust, self.journal)
            fleet.look(python_may_lack=self.may_prepare)
            self._require_deployed(fleet)
            if self.may_prepare:
                prepare(fleet, self.deployment, self.options.trust, self.journal)
            require_ready(fleet)
            plan = plan_of_fleet(fleet, self.deployment)
            release = render(plan, self._lock(fleet, plan))
            key = self._key(fleet)
            self._note(addresses)
            waiting = [member for member in fleet.members if not _is_current(member, release, key)]
            if waiting:
                self._apply(fleet, waiting, release, key)
            fleet.introduce(peer_port(self.deployment), self.who)
            return self._result(fleet, plan, release, changed=bool(waiting))

    def _lock(self, fleet: Fleet, plan: Plan) -> Lock:
        return lock_of_fleet(fleet, plan, upgrade=self.options.upgrade, token=lambda: self._hub_token)

    @cached_property
    def _hub_token(self) -> Secret | None:
        """Read once: a program that gives it may ask its user."""
        return hub_token(self.deployment.model.token_from)

    def _refuse_to_leave(self, addresses: tuple[NodeAddress, ...]) -> None:
        """See that no machine that it is on by this user's note is left out: what runs there would be forgotten."""
        record, wanted = record_of(self.deployment.name), {address.place for address in addresses}
        left = [str(address) for address in record.nodes if address.place not in wanted] if record else []
        if left:
            name = self.deployment.name
            message = f"{name} is on {', '.join(left)}, which is not among the machines wanted now"
            hint = f"Take it off first: `zephyr-deploy down {name}`; or name all machines; or choose another name."
            raise ConfigError(message, hint=hint)

    def _note(self, addresses: tuple[NodeAddress, ...]) -> None:
        record = NodesRecord(
            name=self.deployment.name,
            provider=self.deployment.provider,
            nodes=addresses,
            port=self.deployment.access.port,
        )
        record.save()

    def _require_deployed(self, fleet: Fleet) -> None:
        if self.command == "redeploy" and not any(member.service for member in fleet.members):
            hint = "Begin with `zephyr-deploy up`."
            raise NotDeployedError(f"deployment {self.deployment.name} is on none of its machines", hint=hint)

    def _key(self, fleet: Fleet) -> Secret | None:
        access = self.deployment.access
        if not access.api_key:
            return None
        there = next((m.service.api_key for m in fleet.members if m.service and m.service.api_key), None)
        return settled_key(self.deployment.name, there, self._given_key)

    @cached_property
    def _given_key(self) -> Secret | None:
        """Read once, as `_hub_token`."""
        return api_key(self.deployment.access.api_key_from)

    def _apply(self, fleet: Fleet, waiting: list[Member], release: Release, key: Secret | None) -> None:
        request = apply_request(
            self.deployment.name,
            release,
            who=self.who,
            api_key=key,
            given_key=self._given_key is not None,
            hf_token=self._hub_token,
            lock_wait_s=self.options.lock_wait_s,
            ready_s=self.options.ready_deadline_s,
            stall_s=self.options.stall_s,
        )
        self.journal.intend("apply", release=release.id, nodes=" ".join(member.name for member in waiting))
        # Where some machine serves already, one after the other: the rest goes on serving.
        rolling = any(member.service and member.service.state == "ready" for member in fleet.members)
        try:
            fleet.each(waiting, lambda member: member.call("apply", {**request, **_seen(member)}), at_once=not rolling)
        except ZephyrError as error:
            self.journal.failed("apply", cause=error.message)
            raise
        self.journal.done("apply", release=release.id)
        fleet.look()
        self._key(fleet)  # Noted again: another laptop may have been there first.

    def _result(self, fleet: Fleet, plan: Plan, release: Release, *, changed: bool) -> UpResult:
        services: list[Service] = [member.service for member in fleet.members if member.service]
        return UpResult(
            service=services[0],
            services=tuple(services),
            plan=plan,
            release=release.id,
            changed=changed,
            phases=tuple(PhaseReport.of(p) for p in self.phases.finished),
        )


def _seen(member: Member) -> dict[str, str]:
    """The key that was there when the machine was looked at."""
    key = member.service.api_key if member.service else None
    return {"seen_key": key.get_secret_value() if key else ""}


def _is_current(member: Member, release: Release, key: Secret | None) -> bool:
    """Whether a machine serves exactly this, and well."""
    service = member.service
    return service is not None and (service.release, service.state, service.api_key) == (release.id, "ready", key)
