"""`up`: from what the user wants to a service that generates."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from zephyr_deploy.deploy.find import services
from zephyr_deploy.deploy.known import begun_in
from zephyr_deploy.deploy.lock import deployment_lock
from zephyr_deploy.deploy.results import PhaseReport, UpResult
from zephyr_deploy.deploy.rollout import RolloutOptions, rollout
from zephyr_deploy.deploy.run import running
from zephyr_deploy.deploy.wanted import plan_of_nodes
from zephyr_deploy.errors import ConfigError, ConflictError, DeadlineError
from zephyr_deploy.events import Listener, Phases, silent
from zephyr_deploy.plan.planner import make_plan
from zephyr_deploy.providers.base import NodeProvider, ProcessProvider
from zephyr_deploy.providers.local.probe import probe
from zephyr_deploy.providers.nodes.record import record_of
from zephyr_deploy.providers.registry import is_cloud
from zephyr_deploy.providers.registry import provider as provider_named
from zephyr_deploy.spec.sources import api_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zephyr_deploy.deploy.run import Run
    from zephyr_deploy.plan.plan import Plan
    from zephyr_deploy.providers.base import Service
    from zephyr_deploy.release.release import Release
    from zephyr_deploy.spec.deployment import Deployment
    from zephyr_deploy.spec.secret import Secret

READY_DEADLINE_S = 300.0
"""Loading a 7B model from a slow disk takes a minute or two; more is a fault."""


def plan_of(deployment: Deployment) -> Plan:
    """What `up` would do, without doing any of it.

    Raises:
        ConfigError: the wish cannot be fulfilled.
    """
    deployment = with_provider(deployment)
    chosen = provider_named(deployment.provider)
    if isinstance(chosen, NodeProvider):
        return plan_of_nodes(deployment, chosen)
    return make_plan(deployment, probe())


def with_provider(deployment: Deployment, listener: Listener = silent) -> Deployment:
    """The deployment with the provider that is meant where none was named.

    A deployment that is in a cloud stays there; one that asks for a GPU goes to the cloud that has it cheapest; every
    other is served on this machine.

    Raises:
        ConflictError: it is in another cloud than the one that was named: a second machine would cost, too.
        CredentialsError, NoCapacityError: a GPU is wanted, and no cloud can be asked for one, or has one that fits.
    """
    begun = begun_in(deployment.name)
    if "provider" in deployment.model_fields_set:
        if begun and begun != deployment.provider and is_cloud(deployment.provider):
            hint = f"Take it away there first: `zephyr-deploy down {deployment.name}`; or choose another name."
            raise ConflictError(f"{deployment.name} is in {begun}, not in {deployment.provider}", hint=hint)
        return deployment
    if begun:
        return deployment.model_copy(update={"provider": begun})
    if deployment.machine.gpu is None or record_of(deployment.name) is not None:
        return deployment
    from zephyr_deploy.deploy.clouds.anywhere import cheapest_provider, provider_that_has  # for those who want one

    notice = Phases(listener).notice
    chosen = provider_that_has(deployment.name, notice) or cheapest_provider(deployment, notice)
    return deployment.model_copy(update={"provider": chosen})


def up(
    deployment: Deployment,
    *,
    listener: Listener = silent,
    lock_wait_s: float = 0,
    ready_deadline_s: float | None = None,
    rollout_options: RolloutOptions | None = None,
) -> UpResult:
    """Bring the deployment to what is wanted; change nothing if it is so already.

    Args:
        deployment: What is wanted.
        listener: Is told of every phase.
        lock_wait_s: How long to wait, in seconds, while another process works on this deployment.
        ready_deadline_s: How long a started service may take until it generates, in seconds; None: 300 here,
            1800 on a machine that is reached over SSH.
        rollout_options: For machines that are reached over SSH: whose key is trusted, what may be done to them.

    Raises:
        LockedError: another process works on this deployment.
        ConfigError: the wish cannot be fulfilled.
        CapacityError: no room for the model.
        UnreachableError: the model cannot be fetched.
        EngineFailedError, DeadlineError: the service did not become ready; it is taken away again.
    """
    options = replace(rollout_options or RolloutOptions(), lock_wait_s=lock_wait_s)
    deployment = with_provider(options.locked.placed(deployment) if options.locked else deployment, listener)
    provider = provider_named(deployment.provider)
    if isinstance(provider, NodeProvider):
        if ready_deadline_s is not None:
            options = replace(options, ready_deadline_s=ready_deadline_s)
        return rollout(deployment, provider, options, listener)
    if not isinstance(provider, ProcessProvider):
        raise TypeError(f"provider {provider.name} fills no contract that `up` knows")
    if options.locked:
        from zephyr_deploy.release.honour import nothing_to_lock  # for those who have a lock

        raise nothing_to_lock(provider.name)
    phases = Phases(listener)
    with (
        deployment_lock(deployment.name, "up", wait_s=lock_wait_s),
        running(deployment.name, "up", phases, deployment) as run,
    ):
        return _Up(provider, deployment, run, ready_deadline_s or READY_DEADLINE_S).up()


class _Up:
    """One run of `up`, its phases in order."""

    def __init__(self, provider: ProcessProvider, deployment: Deployment, run: Run, ready_deadline_s: float) -> None:
        self.provider = provider
        self.deployment = deployment
        self.run = run
        self.phases = run.phases
        self.ready_deadline_s = ready_deadline_s
        self.journal = run.journal
        self.given = api_key(deployment.access.api_key_from)

    def up(self) -> UpResult:
        """Bring this machine to what is wanted; see `up`."""
        for entry in self.journal.unfinished():
            self.phases.notice(f"An earlier run was cut off during {entry.step}; looking at what it left.")
        plan, release, fetched = self._plan()
        # A file that had to be fetched anew was spoilt or gone: whoever has the old one mapped must not keep it.
        current = self._settle(plan, release, may_keep=not fetched)
        if current is None:
            started = self._start(plan, release)
            return self._result(plan, release, self._ready(started), changed=True)
        if current.state == "ready":
            return self._result(plan, release, current, changed=False)
        return self._result(plan, release, self._ready(current), changed=True)

    def _plan(self) -> tuple[Plan, Release, bool]:
        """The prepared plan, its release, and whether the model had to be fetched."""
        with self.phases.phase("plan", "Plan"):
            plan = make_plan(self.deployment, probe())
        for note in plan.notes:
            self.phases.notice(note)
        with self.phases.phase("model", "Model") as phase:
            plan = self.provider.prepare(plan, phase)
        return plan, self.provider.render(plan), phase.outcome == "done"

    def _settle(self, plan: Plan, release: Release, *, may_keep: bool) -> Service | None:
        """Keep the one service that is what we want; take every other of this name away."""
        found = services(self.deployment.name)
        keep = next((s for s in found if may_keep and _is_current(s, plan, release, self.given)), None)
        others = [s for s in found if s is not keep]
        if keep is None:
            self.provider.check_start(plan, replacing=others)
        if keep is None or others:
            self.run.about_to("deploy", before=next((s.release for s in found), ""), release=release.id)
        if others:
            self._replace(others)
        if keep and keep.state == "ready":
            with self.phases.phase("start", "Start") as phase:
                phase.unchanged("already running")
        return keep

    def _replace(self, others: Sequence[Service]) -> None:
        with self.phases.phase("replace", "Replace the old service") as phase:
            for service in others:
                self.journal.intend("stop", release=service.release, pid=str(service.pid))
                self.provider.stop(service, grace_s(service), lambda s: phase.progress(s, None, "seconds"))
                self.journal.done("stop")

    def _start(self, plan: Plan, release: Release) -> Service:
        with self.phases.phase("start", "Start"):
            self.journal.intend("start", release=release.id)
            try:
                service = self.provider.start(plan, release, self.given)
            except ConfigError as error:
                self.journal.failed("start", cause=error.message)
                raise
            self.journal.done("start", release=release.id, pid=str(service.pid))
            return service

    def _ready(self, service: Service) -> Service:
        with self.phases.phase("ready", "Load the model and answer") as phase:
            try:
                return self.provider.wait_ready(service, self.ready_deadline_s, phase)
            except DeadlineError:
                # A service that may still become ready, or never, is worth less than a clean second try.
                self.provider.stop(service, 0.0, lambda _seconds: None)
                raise

    def _result(self, plan: Plan, release: Release, service: Service, *, changed: bool) -> UpResult:
        self.run.service, self.run.release = service, release.id
        return UpResult(
            service=service,
            plan=plan,
            release=release.id,
            changed=changed,
            phases=tuple(PhaseReport.of(p) for p in self.phases.finished),
        )


def grace_s(service: Service) -> float:
    """How long a service may take to end its running requests: none if it has failed already."""
    return 0.0 if service.state == "failed" else 30.0


def _is_current(service: Service, plan: Plan, release: Release, given: Secret | None) -> bool:
    """Whether a running service is exactly what the plan would start."""
    port, access = plan.serve.port, plan.deployment.access
    return (
        service.release == release.id
        and service.state in {"ready", "starting"}
        and port in {0, service.port}
        and (service.api_key is not None) == access.api_key
        and given in {None, service.api_key}
    )
