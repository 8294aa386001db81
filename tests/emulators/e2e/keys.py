"""Registered keys; they are the account's, whatever the location."""

from __future__ import annotations

from emulators.e2e.answers import Answer, missing, ok, refused
from emulators.e2e.call import Call, paged
from emulators.e2e.store import Key, Store


def blob(text: str) -> str:
    """The key without its comment."""
    return " ".join(text.split()[:2])


def index(store: Store, call: Call) -> Answer:
    """All keys."""
    return paged(store, call, [_row(key) for key in store.keys.values() if store.shown(key)])


def create(store: Store, call: Call) -> Answer:
    """Register one; a text that is there is refused."""
    text, label = str(call.body.get("ssh_key", "")), str(call.body.get("label", ""))
    if any(blob(key.text) == blob(text) for key in store.keys.values()):
        return refused("You cannot add the same key again")
    if len(text.split()) < 2 or not label:
        return refused("Invalid SSH key")
    key = Key(next(store.ids), label, call.location, text=text)
    store.keys[key.id] = key
    return ok({**_row(key), "project_id": call.query["project_id"]}, "SSH Key has been added successfully.")


def delete(store: Store, call: Call) -> Answer:
    """Nodes that have it keep it."""
    if store.keys.pop(call.id, None) is None:
        return missing("SSH Key")
    return ok({}, "SSH Key has been deleted successfully.")


def _row(key: Key) -> dict[str, object]:
    return {
        "pk": key.id,
        "label": key.name,
        "ssh_key": key.text,
        "ssh_key_type": key.text.split()[0],
        "timestamp": "14-Mar-2026",
        "project_name": "default",
        "total_attached_nodes": 0,
    }
