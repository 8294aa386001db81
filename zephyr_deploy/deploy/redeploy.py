"""`redeploy`, `rollback` and `releases`: the versions of a deployment on its machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zephyr_deploy.deploy.clouds.exposing import follow, shown
from zephyr_deploy.deploy.fleet import Fleet
from zephyr_deploy.deploy.hold import held
from zephyr_deploy.deploy.known import known
from zephyr_deploy.deploy.lock import deployment_lock
from zephyr_deploy.deploy.noted import where_noted
from zephyr_deploy.deploy.rollout import READY_DEADLINE_S, rollout
from zephyr_deploy.deploy.run import running
from zephyr_deploy.errors import ConfigError, NotDeployedError, UnhealthyError, ZephyrError
from zephyr_deploy.events import Listener, Phases, silent
from zephyr_deploy.providers.base import NodeProvider
from zephyr_deploy.providers.nodes.key import settled_key
from zephyr_deploy.providers.registry import is_cloud
from zephyr_deploy.providers.registry import provider as provider_named
from zephyr_deploy.release.history import Deployed, read_history
from zephyr_deploy.release.request import watch

if TYPE_CHECKING:
    from zephyr_deploy.deploy.fleet import Member
    from zephyr_deploy.deploy.hold import Held
    from zephyr_deploy.deploy.results import RollbackResult, UpResult
    from zephyr_deploy.deploy.rollout import RolloutOptions
    from zephyr_deploy.deploy.run import Run
    from zephyr_deploy.providers.nodes.record import NodesRecord
    from zephyr_deploy.spec.deployment import Deployment


def redeploy(deployment: Deployment, options: RolloutOptions, listener: Listener = silent) -> UpResult:
    """Bring the machines that serve already to what is wanted now; never prepares one.

    A deployment of which only the name is wanted, and whose machines are noted here, is found by the note.

    Raises:
        NotDeployedError: it is on none of its machines.
        ConfigError: its provider has no machines.
        ZephyrError: see `zephyr_deploy.deploy.rollout.rollout`.
    """
    deployment = where_noted(deployment)
    if options.locked:
        deployment = options.locked.placed(deployment)
    provider = provider_named(deployment.provider)
    if not isinstance(provider, NodeProvider):
        hint = "On this machine `zephyr-deploy up` replaces what runs."
        raise ConfigError(f"provider {provider.name} has no machines to redeploy to", hint=hint)
    return rollout(deployment, provider, options, listener, command="redeploy")


def rollback(
    name: str, *, release: str | None = None, listener: Listener = silent, lock_wait_s: float = 0
) -> RollbackResult:
    """Bring every machine of a deployment back to the release that served before, or to the one named.

    Raises:
        NotDeployedError: this user has no note of such a deployment.
        ConfigError: there is no such release on a machine.
        EngineFailedError, DeadlineError: it does not start; what served goes on serving.
        AuthError, GoneError: it serves, and is shown to others than before, which its cloud's firewall cannot be told.
    """
    record, phases = _noted(name), Phases(listener)
    with (
        deployment_lock(name, "rollback", wait_s=lock_wait_s),
        running(name, "rollback", phases) as run,
        Fleet.of(record, phases) as fleet,
    ):
        fleet.connect(journal=run.journal)
        with held(fleet, run, lock_wait_s, wanted=release or "") as hold:
            fleet.look()
            request = _rollback_request(fleet, run, release, lock_wait_s)
            opened = shown(fleet)
            answers = _roll_back(fleet, run, request, hold)
            fleet.look()
            if is_cloud(record.provider):
                follow(fleet, opened, run.journal)
        result = _result(fleet, answers, phases)
        run.service, run.release = result.services[0], result.release
        return result


def _rollback_request(fleet: Fleet, run: Run, release: str | None, lock_wait_s: float) -> dict[str, Any]:
    serving = next((m.service for m in fleet.members if m.service), None)
    if serving is None:
        raise NotDeployedError(f"nothing of {fleet.name} serves", hint="Begin with `zephyr-deploy up`.")
    # Where a run was cut off between two machines each has another one before: what a trial is to give way to is one.
    before = next((m.trial.before for m in fleet.members if m.trial and m.trial.before), "")
    wanted = release or before
    run.about_to("deploy", before=serving.release, release=wanted)
    return {
        "name": fleet.name,
        "release": wanted,
        "who": run.who,
        # Also from one that needs none: the machines have none then, and what is gone back to may need it.
        "api_key": settled_key(fleet.name, serving.api_key).get_secret_value(),
        "lock_wait_s": lock_wait_s,
        "ready_s": READY_DEADLINE_S,
        **watch(serving.engine),
    }


def _roll_back(fleet: Fleet, run: Run, request: dict[str, Any], hold: Held) -> dict[str, dict[str, object]]:
    """Have each machine go back, one after the other; what each answers, by its name."""
    answers: dict[str, dict[str, object]] = {}

    def work(member: Member) -> None:
        hold.check()
        answers[member.name] = member.call("rollback", request)

    run.journal.intend("rollback", release=request["release"] or "the one before")
    try:
        fleet.each(fleet.members, work, at_once=False)
    except ZephyrError as error:
        run.journal.failed("rollback", cause=error.message)
        raise
    run.journal.done("rollback")
    return answers


def _result(fleet: Fleet, answers: dict[str, dict[str, object]], phases: Phases) -> RollbackResult:
    from zephyr_deploy.deploy.results import PhaseReport, RollbackResult  # `redeploy` has its own use of the time

    services, gateway = tuple(fleet.services), fleet.gateway
    if gateway and gateway.front and gateway.front.state != "ready":
        said = f"{gateway.name}, the gateway, is {gateway.front.state}: {gateway.front.detail}."
        fleet.phases.notice(said, warning=True)
    if not services:
        raise UnhealthyError(f"{fleet.name} does not serve after the rollback", hint="zephyr-deploy status")
    first = next(iter(answers.values()))
    return RollbackResult(
        services=services,
        before=str(first["before"]),
        release=str(first["release"]),
        phases=tuple(PhaseReport.of(p) for p in phases.finished),
    )


def releases(name: str) -> list[Deployed]:
    """What was deployed, newest first, as the first machine of the deployment remembers it.

    Raises:
        NotDeployedError: this user has no note of such a deployment.
        UnreachableError: the machine does not answer.
    """
    record = _noted(name)
    with Fleet.of(record, Phases()) as fleet:
        first = fleet.members[:1]
        fleet.connect(members=first)
        return read_history(first[0].call("releases", {"name": name}, deadline_s=60.0))


def _noted(name: str) -> NodesRecord:
    record = known(name)
    if record is None:
        hint = "Releases are kept on machines reached over SSH: `zephyr-deploy up --provider ssh --host HOST`."
        raise NotDeployedError(f"{name} is on no machine that is noted here", hint=hint)
    return record
