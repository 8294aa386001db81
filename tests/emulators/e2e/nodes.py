"""Nodes: made, shown, acted on, deleted."""

from __future__ import annotations

import re
from typing import Any

from emulators.e2e.answers import Answer, missing, ok, refused
from emulators.e2e.call import Call, paged
from emulators.e2e.catalog import ROWS
from emulators.e2e.store import Node, Store

NAME = re.compile(r"^[a-zA-Z0-9-_]{1,50}$")
BUSY = {"Creating", "Reinstalling"}


def status(store: Store, node: Node) -> str:
    """How the node is; being looked at is what lets its creation come to an end."""
    power = store.machines.power(str(node.id))
    if node.looks > 0 or power == "booting":
        node.looks = max(0, node.looks - 1)
        return "Creating"
    if node.fate == "failed":
        return "Failed"
    if node.saving:
        return "Saving"
    return "Running" if power == "on" else "Powered off"


def create(store: Store, call: Call) -> Answer:
    """Make a node; the same name twice makes two."""
    body = call.body
    why = _wrong(store, call)
    if why:
        return refused(why)
    row = next(row for row in ROWS if row["plan"] == body["plan"])
    node = Node(
        next(store.ids),
        body["name"],
        call.location,
        plan=row,
        label=body.get("label") or "default",
        keys=[{"label": "", "ssh_key": text} for text in body["ssh_keys"]],
        groups=[int(body.get("security_group_id") or store.default_group(call.location).id)],
        looks=store.creating_looks,
        fate=store.fates.pop(0) if store.fates else None,
    )
    store.nodes[node.id] = node
    store.machines.launch(str(node.id), user="root", keys=body["ssh_keys"], user_data="")
    made = {**_details(store, node, "Creating"), "public_ip_address": "[]"}
    return ok({"total_number_of_node_requested": 1, "total_number_of_node_created": 1, "node_create_response": [made]})


def _wrong(store: Store, call: Call) -> str:
    body = call.body
    row = next((row for row in ROWS if row["plan"] == body.get("plan")), None)
    group = body.get("security_group_id")
    keys = body.get("ssh_keys", [])
    if not NAME.match(str(body.get("name", ""))):
        return "Name should only contain alphanumeric characters, hyphens and underscores"
    if row is None or row["image"] != body.get("image") or row["location"] != call.location:
        return "Invalid plan or image"
    if not row["available_inventory_status"]:
        return "The selected plan is currently not available"  # chosen
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        return "ssh_keys must be a list of strings"
    if group is not None and group not in store.groups:
        return "Security group not found"
    return "" if body.get("number_of_instances") == 1 else "Only one node at a time is emulated"


def index(store: Store, call: Call) -> Answer:
    """A page of summaries, which have no label."""
    keys = ("id", "name", "plan", "status", "public_ip_address", "private_ip_address", "is_locked")
    found = [node for node in store.nodes.values() if node.location == call.location and store.shown(node)]
    rows = [_details(store, node, status(store, node)) for node in found]
    summaries = [{**{key: row[key] for key in keys}, "rescue_mode_status": "Disabled"} for row in rows]
    return paged(store, call, summaries)


def show(store: Store, call: Call) -> Answer:
    """Everything about one node."""
    node = _find(store, call)
    return ok(_details(store, node, status(store, node))) if node else missing("Node")


def delete(store: Store, call: Call) -> Answer:
    """Take it away, unless it is being made."""
    node = _find(store, call)
    if node is None:
        return missing("Node")
    state = status(store, node)
    if state in {"Creating", "Saving"}:
        return refused(f"Node in {state} state")
    if node.locked:
        return refused("Node is locked")
    store.machines.delete(str(node.id))
    del store.nodes[node.id]
    return ok({}, "Success")


def act(store: Store, call: Call) -> Answer:
    """One action on a node."""
    node = _find(store, call)
    if node is None:
        return missing("Node")
    kind, state = str(call.body.get("type")), status(store, node)
    why = _not_now(node, kind, state)
    if why:
        return refused(why)
    if kind in {"power_off", "power_on"}:
        (store.machines.power_off if kind == "power_off" else store.machines.power_on)(str(node.id))
    elif kind in {"lock_vm", "unlock_vm"}:
        node.locked = kind == "lock_vm"
    elif kind in {"label_rename", "rename"}:
        setattr(node, "label" if kind == "label_rename" else "name", call.body["name"])
    elif kind == "add_ssh_keys":
        if not all(isinstance(key, dict) for key in call.body["ssh_keys"]):
            return refused("ssh_keys must be a list of objects")
        for key in call.body["ssh_keys"]:
            node.keys.append(key)
            store.machines.admit(str(node.id), "root", key["ssh_key"])
    elif kind != "reboot":
        return refused(f"Invalid action {kind}")
    done = {
        "id": next(store.ids),
        "action_type": kind.replace("_", " ").title(),
        "status": "In Progress",
        "created_at": node.created_at,
        "resource_id": str(node.id),
        "image_id": None,
    }
    return ok(done, "Action has been initiated")


def _not_now(node: Node, kind: str, state: str) -> str:
    powered = kind in {"power_on", "power_off", "reboot", "reinstall", "lock_vm", "unlock_vm"}
    if powered and state in BUSY:
        return f"Node in {state} state"
    if node.locked and powered and kind != "unlock_vm":
        return "Node is locked"
    if kind == "reboot" and state == "Powered off":
        return "Node is powered off"
    return ""


def _find(store: Store, call: Call) -> Node | None:
    node = store.nodes.get(call.id)
    return node if node and node.location == call.location else None


def _details(store: Store, node: Node, state: str) -> dict[str, Any]:
    reached = state in {"Running", "Powered off"} and node.fate is None
    address = store.machines.address(str(node.id)) if reached else None
    specs = node.plan["specs"]
    return {
        "id": node.id,
        "vm_id": node.vm_id,
        "name": node.name,
        "label": node.label,
        "plan": specs["sku_name"],
        "status": state,
        "created_at": node.created_at,
        "public_ip_address": address or ("[]" if node.id % 2 else None),
        "private_ip_address": f"10.0.0.{node.id % 256}",
        "location": node.location,
        "region": "ncr",
        "disk": f"{specs['disk_space']} GB",
        "memory": f"{specs['ram']} GB",
        "vcpus": str(specs["cpu"]),
        "price": f"{specs['price_per_hour']} {node.plan['currency']}",
        "gpu": node.plan["gpu_card_details"].get("CARD_NAME", ""),
        "is_locked": node.locked,
        "is_active": True,
        "backup": False,
        "ssh_keys": node.keys,
        "os_info": {"name": node.plan["os"]["name"], "version": node.plan["os"]["version"], "category": "Linux"},
        "rescue_mode_status": "Disabled",
        "security_group_count": len(node.groups),
        "is_committed": False,
        "currency": node.plan["currency"],
        "project_name": "default",
    }
