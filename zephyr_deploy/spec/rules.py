"""Rules between settings that hold for every engine and every provider, and need no look at the world.

What only one engine refuses is that engine's business: see ``EngineSpec.problems``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from zephyr_deploy.spec.deployment import Deployment


@dataclass(frozen=True)
class Broken:
    """Settings that contradict each other: their dotted keys, and why, with what to do instead."""

    keys: tuple[str, ...]
    reason: str


def broken_rules(deployment: Deployment) -> list[Broken]:
    """Every rule that ``deployment`` breaks; none is looked at twice."""
    return [broken for rule in _RULES for broken in rule(deployment)]


def _token_limits(deployment: Deployment) -> Iterator[Broken]:
    limits = deployment.limits
    longest, total, batch = limits.max_input_tokens, limits.max_total_tokens, limits.max_batch_total_tokens
    if longest is not None and total is not None and longest >= total:
        reason = "the total is prompt plus answer, so it must be larger than the longest prompt"
        yield Broken(("limits.max_input_tokens", "limits.max_total_tokens"), reason)
    if total is not None and batch is not None and total > batch:
        reason = "a batch holds whole requests, so it must have room for the largest one"
        yield Broken(("limits.max_total_tokens", "limits.max_batch_total_tokens"), reason)


def _gpus_in_use(deployment: Deployment) -> Iterator[Broken]:
    gpus, shards = deployment.machine.gpus, deployment.engine.num_shard
    if gpus is not None and shards is not None and gpus != shards:
        why = "the model needs more GPUs than there are" if shards > gpus else "some GPUs would be paid for and idle"
        yield Broken(("machine.gpus", "engine.num_shard"), f"{why}; give the same number, or leave num_shard out")


def _exposure(deployment: Deployment) -> Iterator[Broken]:
    access = deployment.access
    if access.expose and not access.api_key:
        yield Broken(("access.expose", "access.api_key"), "an endpoint open to other machines must ask for a key")
    if access.api_key_from is not None and not access.api_key:
        yield Broken(("access.api_key_from", "access.api_key"), "there is a key, and nobody is asked for it")
    if access.domain is not None and not access.expose:
        reason = "domain is the name of an exposed endpoint, and this one is not; set expose = true beside it"
        yield Broken(("access.domain", "access.expose"), reason)
    if access.cidr is not None and not access.expose:
        reason = "cidr says who may reach an exposed endpoint, and this one is not; set expose = true beside it"
        yield Broken(("access.cidr", "access.expose"), reason)


def _reachable_host(deployment: Deployment) -> Iterator[Broken]:
    machine = deployment.machine
    if deployment.provider == "ssh" and machine.host is None and not machine.hosts:
        yield Broken(("provider", "machine.host"), "provider ssh needs the host to reach; set machine.host")
    if len({machine.host, *machine.hosts}) < 1 + len(machine.hosts):
        yield Broken(("machine.hosts",), "a host is named twice")
    if machine.gateway is not None and _plain(machine.gateway) in map(
        _plain, filter(None, (machine.host, *machine.hosts))
    ):
        reason = "the gateway needs a machine of its own; leave it out, and each host has a gateway on itself"
        yield Broken(("machine.gateway", "machine.host", "machine.hosts"), reason)


def _plain(address: str) -> str:
    """A host without the user that logs in to it."""
    return address.rpartition("@")[2]


def _end_of_life(deployment: Deployment) -> Iterator[Broken]:
    cost = deployment.cost
    # A short life that was asked for says nothing against the hour that nobody asked for.
    said = "idle" in cost.model_fields_set
    if said and cost.idle is not None and cost.ttl is not None and cost.idle > cost.ttl:
        yield Broken(("cost.idle", "cost.ttl"), "the node would end by ttl before it could be idle for that long")


def _signature(deployment: Deployment) -> Iterator[Broken]:
    notify = deployment.notify
    if notify.secret_from is not None and notify.webhook_from is None:
        reason = "the secret signs what is posted to a webhook, and there is none; set notify.webhook_from beside it"
        yield Broken(("notify.secret_from", "notify.webhook_from"), reason)


_RULES: tuple[Callable[[Deployment], Iterator[Broken]], ...] = (
    _token_limits,
    _gpus_in_use,
    _exposure,
    _reachable_host,
    _end_of_life,
    _signature,
)
