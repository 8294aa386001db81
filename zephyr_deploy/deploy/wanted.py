"""From machines that were looked at to what shall run on them: the plan, and the lock of all that it is made of.

`up`, `redeploy` and `render` take these same steps, so that what `render` shows is what `up` would bring.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy import hub
from zephyr_deploy.deploy.fleet import Fleet
from zephyr_deploy.errors import ConfigError
from zephyr_deploy.events import Phases
from zephyr_deploy.node.hostkeys import Trust
from zephyr_deploy.plan.caller import is_within
from zephyr_deploy.plan.model.table import known_model
from zephyr_deploy.plan.node import plan_for_node
from zephyr_deploy.release.resolve import images_of, lock_of_model, resolve, reusable
from zephyr_deploy.spec.sources import hub_token
from zephyr_deploy.spec.types import names_a_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from zephyr_deploy.deploy.fleet import Member
    from zephyr_deploy.plan.model.facts import ModelFacts
    from zephyr_deploy.plan.plan import Plan
    from zephyr_deploy.providers.base import NodeProvider
    from zephyr_deploy.release.lock import Lock
    from zephyr_deploy.spec.deployment import Deployment
    from zephyr_deploy.spec.secret import Secret


def model_of_fleet(
    fleet: Fleet,
    deployment: Deployment,
    *,
    upgrade: bool = False,
    token: Callable[[], Secret | None] | None = None,
) -> ModelFacts | None:
    """What the model is: by the release that serves it now, so that nothing is looked up again, or by a look.

    Args:
        fleet: The machines, looked at.
        deployment: What is wanted.
        upgrade: Whether it is looked up anew in any case.
        token: Gives the hub's token; None: it is looked for by the deployment.

    Returns:
        None where its repository does not say what a plan needs to know.

    Raises:
        CredentialsError: it is gated, or the token is wrong.
        UnreachableError: the hub cannot be reached, and nothing is known of it here.
    """
    locks = [] if upgrade else [lock_of_model(member.lock, deployment) for member in fleet.members]
    serving = next((lock for lock in locks if lock), None)
    if serving:
        return serving.model
    from zephyr_deploy.deploy.model_facts import find_facts  # only a first time takes it

    model = deployment.model
    if names_a_path(model.id):
        return None  # the plan refuses it: a node has no such folder
    with fleet.phases.phase("model-facts", "Read what the model is") as phase:
        try:
            found = find_facts(model.id, model.revision, token_from=model.token_from, token=token)
        except ConfigError as error:
            # Some files of its repository cannot be read; whether the engine can is seen when it starts.
            known = known_model(model.id)
            if known is None:
                fleet.phases.notice(f"Planned without knowing the model: {error.message}.", warning=True)
            return known
        phase.detail = f"{found.facts.parameters / 1e9:.1f}B parameters"
    if found.facts.origin in {"cache", "table"}:
        for note in found.notes:
            fleet.phases.notice(note)
    return found.facts


def plan_of_fleet(fleet: Fleet, deployment: Deployment, model: ModelFacts | None = None) -> Plan:
    """The plan for the first machine; one release serves all, so it has the settings that fit the smallest.

    Raises:
        ConfigError: the wish cannot be fulfilled on a machine.
    """
    with fleet.phases.phase("plan", "Plan"):
        plans = [plan_of_member(fleet, member, deployment, model) for member in fleet.members]
        smallest = min(plans, key=_room)
        notes = tuple(dict.fromkeys(note for plan in plans for note in plan.notes))
        plan = plans[0].model_copy(update={"serve": smallest.serve, "notes": notes})
    for note in plan.notes:
        fleet.phases.notice(note)
    for member in (fleet.gateway,) if fleet.gateway else fleet.members:
        _tell_outside(fleet, member, deployment)
    return plan


def _room(plan: Plan) -> tuple[int, ...]:
    """Orders plans by how much they let in; where the machines' cards differ, so do these."""
    serve = plan.serve
    return (
        serve.max_total_tokens or 0,
        serve.max_batch_prefill_tokens or 0,
        serve.max_concurrent_requests or 0,
    )


def plan_of_member(fleet: Fleet, node: Member, deployment: Deployment, model: ModelFacts | None = None) -> Plan:
    """The plan for one node; who may reach an exposed endpoint stays as it was.

    Raises:
        ConfigError: the wish cannot be fulfilled there.
    """
    at = fleet.gateway if fleet.gateway and fleet.gateway.found else node
    return plan_for_node(
        deployment,
        node.facts,
        hub=hub.endpoint(),
        caller=at.allowed or at.caller,
        host=node.address.host,
        model=model,
    )


def _tell_outside(fleet: Fleet, member: Member, deployment: Deployment) -> None:
    """What is open to the network that the first `up` came from stays so: a caller from elsewhere is told."""
    allowed = deployment.access.cidr or member.allowed
    if deployment.access.expose and not is_within(member.caller, allowed):
        said = f"The endpoint is open to {allowed}, and you come from {member.caller}: see access.cidr."
        fleet.phases.notice(said, warning=True)


def lock_of_fleet(
    fleet: Fleet, plan: Plan, *, upgrade: bool = False, token: Callable[[], Secret | None] | None = None
) -> Lock:
    """The lock that a machine has for this wish; looked up where none has one, and with ``upgrade`` always.

    The hub's token (``token``, or by the plan) is looked for only then: asking for it may cost a program's start.

    Raises:
        ZephyrError: image or model cannot be looked up.
    """
    locks = [] if upgrade else [reusable(member.lock, plan) for member in fleet.members]
    known = next((lock for lock in locks if lock), None)
    if known is not None:
        return known
    with fleet.phases.phase("resolve", "Pin image and model"):
        given = token() if token else hub_token(plan.source.token_from)
        return resolve(plan, fleet.digests(images_of(plan)), given)


def plan_of_nodes(deployment: Deployment, provider: NodeProvider, trust: Trust | None = None) -> Plan:
    """What `up` would plan, by one look at the machines; nothing is changed.

    Raises:
        ZephyrError: a machine cannot be reached, or the wish cannot be fulfilled there.
    """
    with Fleet.wanted(deployment, provider, Phases()) as fleet:
        fleet.connect(trust)
        fleet.look()
        return plan_of_fleet(fleet, deployment, model_of_fleet(fleet, deployment))
