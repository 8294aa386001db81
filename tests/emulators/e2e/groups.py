"""Security groups, known to nodes by the node's ``vm_id``."""

from __future__ import annotations

from typing import Any

from emulators.e2e.answers import Answer, missing, ok, refused
from emulators.e2e.call import Call, paged
from emulators.e2e.store import Group, Node, Store

RULE = {"rule_type", "protocol_name", "port_range", "network"}


def index(store: Store, call: Call) -> Answer:
    """Those of the location."""
    found = [group for group in store.groups.values() if group.location == call.location and store.shown(group)]
    return paged(store, call, [_row(group) for group in found])


def show(store: Store, call: Call) -> Answer:
    """One."""
    group = store.groups.get(call.id)
    return ok(_row(group)) if group else missing("Security Group")


def create(store: Store, call: Call) -> Answer:
    """Make one; two may have one name (chosen). The answer may lack the id."""
    if not call.body.get("name") or not _valid(call.body.get("rules")):
        return refused("Invalid security group")
    group = Group(
        next(store.ids),
        call.body["name"],
        call.location,
        description=call.body.get("description", ""),
        rules=call.body["rules"],
    )
    store.groups[group.id] = group
    data = {"id": group.id} if store.group_id_in_answer else {}
    return ok({**data, "label_id": None, "resource_type": "security_group"}, "Security Group created successfully.")


def replace(store: Store, call: Call) -> Answer:
    """All of its rules by others."""
    group = store.groups.get(call.id)
    if group is None:
        return missing("Security Group")
    if not _valid(call.body.get("rules")):
        return refused("Invalid rules")
    group.name, group.rules = call.body.get("name", group.name), call.body["rules"]
    return ok(_row(group), "Security Group updated successfully.")


def delete(store: Store, call: Call) -> Answer:
    """Refused while a node has it (chosen: the words)."""
    group = store.groups.get(call.id)
    if group is None:
        return missing("Security Group")
    if group.is_default or any(group.id in node.groups for node in store.nodes.values()):
        return refused("Security Group is attached to a resource")
    del store.groups[group.id]
    return ok({}, "Security Group deleted successfully.")


def attach(store: Store, call: Call) -> Answer:
    """Give groups to a running node."""
    node = _by_vm(store, call)
    if node is None:
        return missing("Virtual machine")
    wanted = call.body.get("security_group_ids", [])
    if not all(group in store.groups for group in wanted):
        return missing("Security Group")
    node.groups = list(dict.fromkeys([*node.groups, *wanted]))
    return ok({}, "Security Group Attached Successfully")


def detach(store: Store, call: Call) -> Answer:
    """Take groups from a node, which keeps at least one."""
    node = _by_vm(store, call)
    if node is None:
        return missing("Virtual machine")
    left = [group for group in node.groups if group not in call.body.get("security_group_ids", [])]
    if not left:
        return refused("At least one security group must be attached")
    node.groups = left
    return ok({}, "Security Groups Detached Successfully")


def _by_vm(store: Store, call: Call) -> Node | None:
    return next((node for node in store.nodes.values() if node.vm_id == call.id), None)


def _valid(rules: Any) -> bool:
    return isinstance(rules, list) and all(isinstance(rule, dict) and rule.keys() >= RULE for rule in rules)


def _row(group: Group) -> dict[str, Any]:
    added = {"network_cidr": "--", "network_size": 1, "vpc_id": None}
    return {
        "id": group.id,
        "name": group.name,
        "description": group.description,
        "is_default": group.is_default,
        "is_all_traffic_rule": False,
        "rules": [{"id": number, **rule, **added} for number, rule in enumerate(group.rules, 1)],
    }
