"""Nodes: made, read, changed, deleted. A list has their names alone; everything else is asked of each."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from zephyr_deploy.errors import AmbiguousError, ConfigError, CreditError, GoneError, InUseError, NoCapacityError
from zephyr_deploy.providers.clouds.types import Instance
from zephyr_deploy.providers.e2e.errors import error_of
from zephyr_deploy.providers.e2e.names import key_name, label_of, name_of, read_label, read_name

if TYPE_CHECKING:
    from zephyr_deploy.providers.clouds.stamp import Stamp
    from zephyr_deploy.providers.clouds.types import InstanceState, Order
    from zephyr_deploy.providers.e2e.client import Answer, E2eClient

USER = "root"
AT_ONCE = 8
NOT_NOW = 412
"""E2E's status for what it refuses."""
STATES: dict[str, InstanceState] = {
    "running": "running",
    "powered off": "stopped",
    # It is being powered off: it stays, and is paid for.
    "stopping": "stopped",
    "failed": "failed",
    "terminating": "stopping",
    "deleting": "stopping",
}
"""By E2E's words in small letters; any other is one on the way to running."""


def create(client: E2eClient, order: Order) -> Instance:
    """Make a node.

    Raises:
        As `CloudProvider.create`.
    """
    answer = client.post("/nodes/", body_of(order), location=order.offer.region)
    row = _made(answer)
    return Instance(
        provider="e2e",
        id=_id(row),
        region=order.offer.region,
        state="starting",
        machine_type=order.offer.machine_type,
        user=USER,
        created_at=_moment(row),
        stamp=order.stamp,
    )


def body_of(order: Order) -> dict[str, Any]:
    """What E2E's own client sends, and the group."""
    return {
        "name": name_of(order.stamp.deployment, order.stamp.run),
        "label": label_of(order.stamp),
        "plan": order.offer.details["plan"],
        "image": order.offer.details["image"],
        "ssh_keys": [order.public_key],
        "security_group_id": int(order.parts["security-group"]),
        "number_of_instances": 1,
        "disable_password": True,
        "backups": False,
        "default_public_ip": False,
        "enable_bitninja": False,
        "is_ipv6_availed": False,
        "is_saved_image": False,
        "start_scripts": [],
    }


def find(client: E2eClient, location: str, name: str | None) -> list[Instance]:
    """The nodes of deployment ``name``, or all of ours, as each says that it is.

    Raises:
        As `E2eClient.get`.
    """
    listed = [(row, read_name(str(row.get("name")))) for row in client.pages("/nodes/", location=location)]
    wanted = [row for row, stamp in listed if stamp and name in {None, stamp.deployment}]
    if not wanted:
        return []
    with ThreadPoolExecutor(min(AT_ONCE, len(wanted)), thread_name_prefix="e2e") as pool:
        found = pool.map(lambda row: _known(client, location, _id(row)), wanted)
        return [instance for instance in found if instance]


def get(client: E2eClient, instance: Instance) -> Instance:
    """How a node is now; ``gone`` only where the list agrees, for what a node that is gone answers is not known.

    Raises:
        As `E2eClient.get`.
    """
    try:
        answer = client.get(f"/nodes/{instance.id}/", location=instance.region)
    except (GoneError, ConfigError):
        if any(_id(row) == instance.id for row in client.pages("/nodes/", location=instance.region)):
            raise
        return instance.model_copy(update={"state": "gone", "address": None})
    # One that was given another name in the portal is still the one that was asked for.
    stamp = read_name(str(answer.data.get("name"))) or instance.stamp
    return _read(answer.data, instance.region, stamp)


def delete(client: E2eClient, node: str, location: str) -> None:
    """Have a node deleted; its address is let go of with it.

    Raises:
        InUseError: it is still being made, or an image of it is.
        As `E2eClient.delete`.
    """
    try:
        client.delete(f"/nodes/{node}/", location=location)
    except ConfigError as error:
        if re.search(r"\b(creating|saving|reinstalling)\b", error.message, re.IGNORECASE):
            raise InUseError(error.message, hint="It can be deleted once that has ended.") from error
        raise


def label(client: E2eClient, instance: Instance, stamp: Stamp) -> None:
    """Change what a node carries.

    Raises:
        As `E2eClient.put`.
    """
    _act(client, instance, {"type": "label_rename", "name": label_of(stamp)})


def add_key(client: E2eClient, instance: Instance, public_key: str) -> None:
    """Let one more key log in, unless it may.

    Raises:
        As `E2eClient.put`.
    """
    row = client.get(f"/nodes/{instance.id}/", location=instance.region).data
    there = [str(key.get("ssh_key")) for key in row.get("ssh_keys") or [] if isinstance(key, dict)]
    if not any(text.split()[:2] == public_key.split()[:2] for text in there):
        key = {"label": key_name(instance.stamp.deployment, public_key), "ssh_key": public_key}
        _act(client, instance, {"type": "add_ssh_keys", "ssh_keys": [key]})


def _act(client: E2eClient, instance: Instance, action: dict[str, Any]) -> None:
    client.put(f"/nodes/{instance.id}/actions/", action, location=instance.region)


def _made(answer: Answer) -> dict[str, Any]:
    """The node in the answer to an order, be it of the newer shape or of the older one.

    Raises:
        CreditError, QuotaError, NoCapacityError: there is none, whatever the status says.
        AmbiguousError: the answer counts one and does not show it.
    """
    data = answer.data if isinstance(answer.data, dict) else {}
    if data.get("is_credit_sufficient") is False:
        hint = "Add credit under Billing at https://myaccount.e2enetworks.com."
        raise CreditError(f"E2E Networks made no node: {answer.message or 'not enough credit'}", hint=hint)
    shown = data.get("node_create_response", [data])
    if isinstance(shown, list) and shown and isinstance(shown[0], dict) and "id" in shown[0]:
        return dict(shown[0])
    if int(data.get("total_number_of_node_created") or 0) > 0:
        raise AmbiguousError("E2E Networks made a node and did not say which", hint="zephyr-deploy ls")
    refusal = error_of(NOT_NOW, {"message": answer.message}, "POST /nodes/")
    if type(refusal) is ConfigError:
        message = f"E2E Networks made none of the nodes it was asked for: {answer.message}"
        raise NoCapacityError(message, hint="See what there is: zephyr-deploy offers --provider e2e.")
    raise refusal


def _known(client: E2eClient, location: str, node: str) -> Instance | None:
    """A node that a list has; None where it is gone by now."""
    try:
        row = client.get(f"/nodes/{node}/", location=location).data
    except GoneError:
        return None
    stamp = read_name(str(row.get("name")))
    return _read(row, location, stamp) if stamp else None


def _read(row: dict[str, Any], location: str, stamp: Stamp) -> Instance:
    """A node as E2E describes it, with what its label adds to the stamp."""
    status = re.sub(r"[^a-z0-9]+", " ", str(row.get("status", "")).strip().lower()).strip()
    return Instance(
        provider="e2e",
        id=_id(row),
        region=location,
        state=STATES.get(status, "starting"),
        machine_type=str(row.get("plan", "")),
        address=_address(row.get("public_ip_address")),
        user=USER,
        created_at=_moment(row),
        stamp=read_label(stamp, str(row.get("label"))),
    )


def _address(said: Any) -> str | None:
    """The public address; E2E writes "[]", "null" or nothing as long as there is none."""
    try:
        return str(ip_address(str(said).strip()))
    except ValueError:
        return None


def _moment(row: dict[str, Any]) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(row.get("created_at")).replace("Z", "+00:00"))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=timezone.utc)


def _id(row: dict[str, Any]) -> str:
    return str(int(row["id"]))
