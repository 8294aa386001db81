"""The security group of a deployment: SSH from whoever launched it, an exposed endpoint, and everything out.

A node is born with it (``security_group_id`` when it is made), so that there is no moment at which the account's
default group holds, and no call after the one that makes the node which a crash could leave out.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from zephyr_deploy.errors import AmbiguousError, ConfigError, GoneError, InUseError, ZephyrError
from zephyr_deploy.providers.clouds.types import Resource
from zephyr_deploy.providers.clouds.visits import Opening, read_words, words_for
from zephyr_deploy.providers.e2e.names import name_of, read_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from zephyr_deploy.providers.clouds.types import Ledger, Order
    from zephyr_deploy.providers.clouds.visits import Visit
    from zephyr_deploy.providers.e2e.client import E2eClient

Rule = dict[str, Any]

STEP = "security-group"
OUT = {"rule_type": "Outbound", "protocol_name": "All", "port_range": "All", "network": "any", "description": "all"}
FOR_GOOD = "ssh"
"""Description of a rule that nobody closes but its user."""
ENDPOINT = "endpoint"
"""Description of a rule that may be taken away again."""
ANY = "any"
"""E2E's word for every network."""
WORLD = ("0.0.0.0/0", "::/0")
LOOK_EVERY_S = 2.0


def ensure(client: E2eClient, order: Order, ledger: Ledger, settle_s: float) -> str:
    """The id of the deployment's group, which lets the order's network in; made where there is none.

    Raises:
        AmbiguousError: it may have been made; no list has it after ``settle_s`` seconds.
        As `E2eClient.post`.
    """
    there = _of(client, order.offer.region, order.stamp.deployment)
    if there:
        _open(client, order.offer.region, there[0], order.allowed, order.visit)
        return _id(there[0])
    name = name_of(order.stamp.deployment, order.stamp.run)
    ledger.intend(STEP, name=name)
    try:
        made = _make(client, order, name) or _listed(client, order.offer.region, name, settle_s)
    except AmbiguousError:
        raise  # Its step stays open: nobody knows.
    except ZephyrError as error:
        ledger.failed(STEP, name=name, cause=error.message)
        raise
    ledger.done(STEP, name=name, id=made)
    return made


def let_in(client: E2eClient, location: str, deployment: str, allowed: str, visit: Visit | None = None) -> None:
    """Let one more network reach SSH, a guest's for as long as it stays; what is past its end is closed.

    Raises:
        As `E2eClient.put`.
    """
    for row in _of(client, location, deployment):
        _open(client, location, row, allowed, visit)


def let_out(client: E2eClient, location: str, deployment: str, visit: Visit) -> None:
    """Close what was opened to a guest; see `CloudProvider.let_out`.

    Raises:
        As `E2eClient.put`.
    """
    for row in _of(client, location, deployment):
        _close(client, location, row, {one.network for one in _to_guests(location, row) if one.run == visit.run})


def to_guests(client: E2eClient, location: str) -> list[Opening]:
    """Everything that is open to guests there.

    Raises:
        As `E2eClient.get`.
    """
    rows = client.pages("/security_group/", location=location)
    return [opening for row in rows for opening in _to_guests(location, row)]


def shut(client: E2eClient, opening: Opening) -> None:
    """Close one of them; see `CloudProvider.shut`.

    Raises:
        As `E2eClient.put`.
    """
    for row in _of(client, opening.region, opening.deployment):
        there = [one for one in _to_guests(opening.region, row) if one == opening]
        _close(client, opening.region, row, {one.network for one in there})


def expose(client: E2eClient, location: str, deployment: str, ports: Mapping[int, str]) -> None:
    """See `CloudProvider.expose`.

    Raises:
        GoneError: there is no group.
        As `E2eClient.put`.
    """
    rows = _of(client, location, deployment)
    if not rows:
        hint = f"zephyr-deploy down {deployment}, and up again, makes both anew."
        raise GoneError(f"the machine of {deployment} has lost its security group", hint=hint)
    wanted = [_inbound(port, ANY if network in WORLD else network, ENDPOINT) for port, network in ports.items()]
    for row in rows:
        rules = _rules(row)
        kept = [rule for rule in rules if rule.get("description") != ENDPOINT]
        changed = [*kept, *(rule for rule in wanted if not _has(kept, rule))]
        if sorted(map(_key, changed)) != sorted(map(_key, rules)):
            _replace(client, location, row, changed)


def ours(client: E2eClient, location: str) -> list[Resource]:
    """Every group of ours, by name."""
    found = [(row, read_name(str(row.get("name")))) for row in client.pages("/security_group/", location=location)]
    return [
        Resource(provider="e2e", kind="security-group", id=_id(row), region=location, stamp=stamp, name=row["name"])
        for row, stamp in found
        if stamp
    ]


def delete(client: E2eClient, resource: Resource) -> None:
    """Delete it.

    Raises:
        InUseError: a node has it.
        As `E2eClient.delete`.
    """
    try:
        client.delete(f"/security_group/{resource.id}/", location=resource.region)
    except ConfigError as error:
        # The words are not known; a node is the only thing that is known to hold one.
        raise InUseError(error.message, hint="It goes once its node is gone.") from error


def _make(client: E2eClient, order: Order, name: str) -> str:
    """Make it; empty where the answer lacks its id, or was lost."""
    words = words_for(None, order.visit, client.now(), FOR_GOOD)
    rules = [_ssh(order.allowed, words), OUT]
    body = {"name": name, "description": f"SSH to {order.stamp.deployment}", "rules": rules}
    try:
        data = client.post("/security_group/", body, location=order.offer.region).data
    except AmbiguousError:
        return ""
    return _id(data) if isinstance(data, dict) and data.get("id") else ""


def _listed(client: E2eClient, location: str, name: str, within_s: float) -> str:
    """The id of a group that may have been made, as soon as a list has it."""
    end = time.monotonic() + within_s
    while True:
        for row in client.pages("/security_group/", location=location):
            if row.get("name") == name:
                return _id(row)
        left = end - time.monotonic()
        if left <= 0:
            hint = "Run the same command again: it looks first."
            raise AmbiguousError(f"security group {name} may have been made; no list has it", hint=hint)
        time.sleep(min(LOOK_EVERY_S, left))


def _of(client: E2eClient, location: str, deployment: str) -> list[dict[str, Any]]:
    found = client.pages("/security_group/", location=location)
    stamps = [read_name(str(row.get("name"))) for row in found]
    return [row for row, stamp in zip(found, stamps, strict=True) if stamp and stamp.deployment == deployment]


def _open(client: E2eClient, location: str, row: dict[str, Any], allowed: str, visit: Visit | None = None) -> None:
    """Let a network reach SSH; fine where it may already. What is past its end goes in the same call."""
    rules, now = _rules(row), client.now()
    over = {one.network for one in _to_guests(location, row) if one.is_over(now)} - {allowed}
    there = next((rule for rule in rules if _key(rule) == _key(_ssh(allowed))), None)
    said = str(there.get("description", "")) if there else None
    words = words_for(said, visit, now, FOR_GOOD)
    kept = [rule for rule in rules if rule is not there and not _lets_in(rule, over)]
    wanted = [*kept, there if there and said == words else _ssh(allowed, words)]
    if any(rule not in rules for rule in wanted) or len(wanted) < len(rules):
        _replace(client, location, row, wanted)


def _close(client: E2eClient, location: str, row: dict[str, Any], networks: set[str]) -> None:
    """Let guests of these networks reach SSH no more."""
    rules = _rules(row)
    kept = [rule for rule in rules if not _lets_in(rule, networks)]
    if len(kept) < len(rules):
        _replace(client, location, row, kept)


def _lets_in(rule: Rule, networks: set[str]) -> bool:
    """Whether it is there for a guest of one of these networks."""
    return str(rule.get("network")) in networks and read_words(str(rule.get("description", ""))) is not None


def _to_guests(location: str, row: dict[str, Any]) -> Iterator[Opening]:
    stamp = read_name(str(row.get("name")))
    for rule in _rules(row) if stamp else ():
        said = read_words(str(rule.get("description", "")))
        if stamp and said:
            yield Opening(
                provider="e2e",
                region=location,
                group=_id(row),
                deployment=stamp.deployment,
                network=str(rule["network"]),
                run=said.run,
                until=said.until,
            )


def _rules(row: dict[str, Any]) -> list[Rule]:
    """What a group has, without what E2E adds to it."""
    return [{key: rule[key] for key in OUT if key in rule} for rule in row.get("rules") or []]


def _replace(client: E2eClient, location: str, row: dict[str, Any], rules: list[Rule]) -> None:
    """Change the rules; that is always a change of all of them."""
    body = {"name": row["name"], "description": row.get("description", ""), "rules": rules}
    client.put(f"/security_group/{_id(row)}/", body, location=location)


def _has(rules: list[Rule], wanted: Rule) -> bool:
    """Whether one of them lets the same in."""
    return _key(wanted) in map(_key, rules)


def _key(rule: Rule) -> tuple[str, ...]:
    """What a rule says, without the words that are for people."""
    return tuple(str(rule.get(name, "")) for name in OUT if name != "description")


def _ssh(allowed: str, words: str = FOR_GOOD) -> Rule:
    return _inbound(22, allowed, words)


def _inbound(port: int, network: str, why: str) -> Rule:
    return {
        "rule_type": "Inbound",
        "protocol_name": "Custom_TCP",
        "port_range": str(port),
        "network": network,
        "description": why,
    }


def _id(row: dict[str, Any]) -> str:
    return str(int(row["id"]))
