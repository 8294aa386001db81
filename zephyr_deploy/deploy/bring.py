"""What `up` and `redeploy` do once every machine has been looked at: plan, release, and what the machines lack of it.

Loaded while the machines are looked at (see `zephyr_deploy.deploy.rollout`), for it takes as long as they do.
"""

from __future__ import annotations

from contextlib import nullcontext
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from zephyr_deploy.deploy.clouds.exposing import following
from zephyr_deploy.deploy.front import bring_front, has_front, require_places
from zephyr_deploy.deploy.gate.trials import Trials
from zephyr_deploy.deploy.hold import held
from zephyr_deploy.deploy.prepare import prepare, require_ready
from zephyr_deploy.deploy.results import PhaseReport, UpResult
from zephyr_deploy.deploy.wanted import lock_of_fleet, model_of_fleet, plan_of_fleet
from zephyr_deploy.engines.registry import engine
from zephyr_deploy.errors import NotDeployedError, ZephyrError
from zephyr_deploy.providers.nodes.key import settled_key
from zephyr_deploy.providers.nodes.record import NodesRecord
from zephyr_deploy.providers.registry import is_cloud
from zephyr_deploy.release.caddy import exposure_of, peer_port
from zephyr_deploy.release.render import render
from zephyr_deploy.release.request import apply_request
from zephyr_deploy.release.templates import load_templates
from zephyr_deploy.spec.sources import api_key, hub_token

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from zephyr_deploy.deploy.fleet import Fleet, Member
    from zephyr_deploy.deploy.gate.keeper import Gatekeeper
    from zephyr_deploy.deploy.gate.verdict import Verdict
    from zephyr_deploy.deploy.gate.wish import Gating
    from zephyr_deploy.deploy.hold import Held
    from zephyr_deploy.deploy.rollout import RolloutOptions
    from zephyr_deploy.deploy.run import Run
    from zephyr_deploy.plan.plan import Plan
    from zephyr_deploy.release.lock import Lock
    from zephyr_deploy.release.release import Release
    from zephyr_deploy.spec.deployment import Deployment
    from zephyr_deploy.spec.secret import Secret


def load(deployment: Deployment) -> None:
    """Have at hand what the way to a release of this deployment takes."""
    engine(deployment.engine.name or "tgi")
    load_templates()


class Wanted(NamedTuple):
    """What the machines are to have."""

    plan: Plan
    lock: Lock
    release: Release
    key: Secret | None
    """That callers shall need; None: none."""


class Bring:
    """One run, from the look on.

    Args:
        fleet: The machines, looked at.
        deployment: What is wanted.
        options: How it is done.
        run: Whose work it is.
        begins: Whether a machine may be prepared, and be empty: that is `up`.
    """

    def __init__(
        self,
        fleet: Fleet,
        deployment: Deployment,
        options: RolloutOptions,
        run: Run,
        *,
        begins: bool,
    ) -> None:
        self.fleet = fleet
        self.deployment = deployment
        self.options = options
        self.run = run
        self.journal = run.journal
        self.who = run.who
        self.begins = begins
        self.trials = Trials(fleet, run, options, judges=not begins)
        self._key_before: Secret | None = None
        """That callers needed before the switch."""

    def bring(self, gate: Gating | None = None) -> UpResult:
        """Bring every machine to what is wanted; see `zephyr_deploy.deploy.rollout.rollout`.

        Args:
            gate: What a release has to pass to be kept; None: it starts, and that is all.
        """
        fleet = self.fleet
        self._require_deployed()
        if fleet.several:
            require_places(fleet)
        if self.begins and self.options.prepare:
            prepare(fleet, self.deployment, self.options.trust, self.journal, self._about_to_prepare)
        require_ready(fleet)
        wanted = self._wanted()
        self._note()
        if not self._lacks(wanted):
            with self._firewall(wanted.plan):
                self.trials.tell()
            return self._result(wanted, changed=False)
        with held(fleet, self.run, self.options.lock_wait_s, wanted=wanted.release.id) as hold:
            if hold.stale:
                fleet.look()
                self._require_deployed()
                wanted = self._wanted()
            return self._change(wanted, gate, hold)

    def _lacks(self, wanted: Wanted) -> bool:
        """Whether anything is to be done on a machine."""
        if self._waiting(wanted) or self.trials.pending:
            return True
        if self.fleet.gateway is None:
            return not self.fleet.introduced
        return not has_front(self.fleet, wanted.plan, wanted.lock.gateway)

    def _waiting(self, wanted: Wanted) -> list[Member]:
        return [member for member in self.fleet.members if not _is_current(member, wanted.release, wanted.key)]

    def _change(self, wanted: Wanted, gate: Gating | None, hold: Held) -> UpResult:
        """Have the machines be as is wanted, while nobody else works on them."""
        self._key_before = self._key_there
        waiting = self._waiting(wanted)
        if waiting and self.options.locked:
            self.options.locked.require_images(self.fleet, waiting)
        work = bool(waiting) or self.trials.pending
        if work:
            self.run.about_to("deploy", before=self.trials.before, release=wanted.release.id)
        with self._firewall(wanted.plan):
            keeper = self.trials.keeper(gate) if work and gate else None
            if waiting:
                self._apply(waiting, wanted, keeper, hold)
            moved = self._joined(wanted, keeper)
            pending = self.trials.pending
            verdict = self.trials.judge(keeper, wanted.release.id, self._key_back(wanted)) if pending else None
        self.trials.tell()
        return self._result(wanted, changed=work or moved, verdict=verdict)

    def _about_to_prepare(self) -> None:
        self.run.about_to("deploy", before=self.trials.before)

    def _joined(self, wanted: Wanted, keeper: Gatekeeper | None) -> bool:
        """As `_join`; where that fails nothing can be measured, and what is on trial is taken back."""
        try:
            return self._join(wanted)
        except ZephyrError as error:
            if keeper is not None:
                self.trials.take_back(wanted.release.id, self._key_back(wanted), error)
            raise

    def _join(self, wanted: Wanted) -> bool:
        """Have the machines know each other, or the gateway in front of them know them; whether that one changed."""
        if self.fleet.gateway is None:
            self.fleet.introduce(peer_port(self.deployment), self.who)
            return False
        how = {name: getattr(self.options, name) for name in ("lock_wait_s", "stall_s")}
        return bring_front(self.fleet, wanted.plan, wanted.lock.gateway, self.journal, {"who": self.who, **how})

    def _wanted(self) -> Wanted:
        """What is to serve: by the lock that the run keeps to, else with what serves, else with what is looked up."""
        fleet, deployment, locked, upgrade = self.fleet, self.deployment, self.options.locked, self.options.upgrade
        if locked:
            locked.require_machines(fleet)
            plan, lock = plan_of_fleet(fleet, deployment, locked.pins.model), locked.pins
        else:
            model = model_of_fleet(fleet, deployment, upgrade=upgrade, token=self._token)
            plan = plan_of_fleet(fleet, deployment, model)
            lock = lock_of_fleet(fleet, plan, upgrade=upgrade, token=self._token)
        release = render(plan, lock)
        if locked:
            locked.require_release(plan, release)
        return Wanted(plan, lock, release, self._key())

    def _token(self) -> Secret | None:
        return self._hub_token

    @cached_property
    def _hub_token(self) -> Secret | None:
        """Read once: a program that gives it may ask its user."""
        return hub_token(self.deployment.model.token_from)

    def _note(self) -> None:
        where = {
            "nodes": tuple(member.address for member in self.fleet.members),
            "gateway": self.fleet.gateway.address if self.fleet.gateway else None,
            "port": self.deployment.access.port,
        }
        begun = NodesRecord(name=self.deployment.name, provider=self.deployment.provider, nodes=())
        (self.fleet.noted or begun).model_copy(update=where).save()

    def _firewall(self, plan: Plan) -> AbstractContextManager[None]:
        """A cloud's firewall lets in whom the endpoint is open to, before it is: an authority may ask at once."""
        if not is_cloud(self.fleet.provider):
            return nullcontext()
        exposure = exposure_of(plan.deployment, plan.host, plan.caller)
        return following(self.fleet, exposure, self.journal, trusting=not self.begins)

    def _require_deployed(self) -> None:
        if not self.begins and not any(member.service for member in self.fleet.members):
            hint = "Begin with `zephyr-deploy up`."
            raise NotDeployedError(f"deployment {self.deployment.name} is on none of its machines", hint=hint)

    def _key(self) -> Secret | None:
        access = self.deployment.access
        if not access.api_key:
            return None
        return settled_key(self.deployment.name, self._key_there, self._given_key)

    @property
    def _key_there(self) -> Secret | None:
        """The key that callers need now, by the last look."""
        return next((m.service.api_key for m in self.fleet.members if m.service and m.service.api_key), None)

    def _key_back(self, wanted: Wanted) -> Secret:
        """The key that holds where what is gone back to needs one: with a release that needs none it was deleted."""
        return wanted.key or settled_key(self.deployment.name, self._key_before, self._given_key)

    @cached_property
    def _given_key(self) -> Secret | None:
        """Read once, as `_hub_token`."""
        return api_key(self.deployment.access.api_key_from)

    def _apply(self, waiting: list[Member], wanted: Wanted, keeper: Gatekeeper | None, hold: Held) -> None:
        release = wanted.release
        request = apply_request(
            self.deployment.name,
            release,
            who=self.who,
            api_key=wanted.key,
            given_key=self._given_key is not None,
            hf_token=self._hub_token,
            lock_wait_s=self.options.lock_wait_s,
            ready_s=self.options.ready_deadline_s,
            stall_s=self.options.stall_s,
            trial=keeper is not None,
        )
        self.journal.intend("apply", release=release.id, nodes=" ".join(member.name for member in waiting))
        # Where some machine serves already, one after the other: the rest goes on serving.
        rolling = any(member.service and member.service.state == "ready" for member in self.fleet.members)

        def work(member: Member) -> None:
            hold.check()
            member.call("apply", {**request, **_seen(member)})

        try:
            self.fleet.each(waiting, work, at_once=not rolling)
        except ZephyrError as error:
            self.journal.failed("apply", cause=error.message)
            if keeper is not None and self.fleet.several:
                self.trials.take_back(release.id, self._key_back(wanted), error)
            raise
        self.journal.done("apply", release=release.id)
        self.fleet.look()
        self._key()  # Noted again: another laptop may have been there first.

    def _result(self, wanted: Wanted, *, changed: bool, verdict: Verdict | None = None) -> UpResult:
        services = tuple(self.fleet.services)
        self.run.service, self.run.release = services[0], wanted.release.id
        price = Decimal(str(services[0].price_per_hour_usd))
        return UpResult(
            service=services[0],
            services=services,
            plan=wanted.plan.model_copy(update={"price_per_hour_usd": price}),
            release=wanted.release.id,
            image=wanted.lock.engine.reference,
            changed=changed,
            gate=verdict,
            phases=tuple(PhaseReport.of(p) for p in self.fleet.phases.finished),
        )


def _seen(member: Member) -> dict[str, str]:
    """The key that was there when the machine was looked at."""
    key = member.service.api_key if member.service else None
    return {"seen_key": key.get_secret_value() if key else ""}


def _is_current(member: Member, release: Release, key: Secret | None) -> bool:
    """Whether a machine serves exactly this, and well."""
    service = member.service
    return service is not None and (service.release, service.state, service.api_key) == (release.id, "ready", key)
