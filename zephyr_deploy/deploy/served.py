"""What serves on a deployment's machine, in the planner's terms, so that it can be held against a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pydantic import ValidationError

from zephyr_deploy.deploy.fleet import Fleet
from zephyr_deploy.events import Phases
from zephyr_deploy.plan.advised import card_of
from zephyr_deploy.plan.flags.possible import kind_of
from zephyr_deploy.plan.served import Served
from zephyr_deploy.plan.setup import Setup
from zephyr_deploy.providers.nodes.record import record_of
from zephyr_deploy.release.lock import Lock

if TYPE_CHECKING:
    from zephyr_deploy.deploy.fleet import Member
    from zephyr_deploy.release.serving import Serving


class Running(NamedTuple):
    """A release that serves, and what it is to the planner."""

    name: str
    """Of the deployment."""
    release: str
    served: Served
    setup: Setup
    serving: Serving
    machines: int
    """Machines that share its requests."""


def what_serves(name: str) -> Running | None:
    """What serves on the machines of a deployment; None where it is on none, or nobody knows its model or card.

    Raises:
        UnreachableError: the machine does not answer.
    """
    record = record_of(name)
    if record is None or not record.nodes:
        return None
    with Fleet.of(record, Phases()) as fleet:
        fleet.connect(members=fleet.members[:1])
        fleet.look(fleet.members[:1])
        return _of(fleet.members[0], len(fleet.members))


def _of(member: Member, machines: int) -> Running | None:
    service, serving, cards = member.service, member.serving, member.facts.gpus
    lock = _lock(member.lock)
    if service is None or serving is None or lock is None or lock.model is None or not cards:
        return None
    card = card_of(cards[0])
    if service.engine == "llamacpp" or card is None:
        return None
    weights = kind_of(lock.model, card, service.engine, serving.quantize)
    setup = Setup(
        model=lock.model,
        engine=service.engine,
        gpu=card,
        shards=serving.shards,
        weights=weights,
        quantize=serving.quantize,
        kv_cache_dtype=serving.kv_cache_dtype,
        memory_fraction=serving.memory_fraction,
    )
    served = Served(
        model=lock.model.id,
        engine=service.engine,
        image=lock.engine.name,
        gpu=card.key,
        shards=serving.shards,
        weights=weights,
        kv_cache_dtype=serving.kv_cache_dtype,
        prefill_tokens=serving.prefill_tokens,
    )
    return Running(service.name, service.release, served, setup, serving, machines)


def _lock(text: str) -> Lock | None:
    """None: the release is from an earlier version, or there is none."""
    try:
        return Lock.model_validate_json(text)
    except ValidationError:
        return None
