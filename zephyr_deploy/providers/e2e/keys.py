"""The account's registered keys. A node gets the key's text when it is made; registering it shows it in the portal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zephyr_deploy.errors import AmbiguousError, ZephyrError
from zephyr_deploy.providers.clouds.types import Resource
from zephyr_deploy.providers.e2e.names import key_name, read_name

if TYPE_CHECKING:
    from zephyr_deploy.providers.clouds.types import Ledger, Order
    from zephyr_deploy.providers.e2e.client import E2eClient

STEP = "key"
SAME = "cannot add the same key again"
"""E2E's words for a key whose text is there (terraform-provider-e2e 2.1.6)."""


def register(client: E2eClient, order: Order, ledger: Ledger) -> None:
    """Have the account know the key; one that is there already stays as it is, whoever put it there.

    An answer that was lost is no reason to stop: the node gets the text, and the name says whose the key is.

    Raises:
        As `E2eClient.post`, but for `AmbiguousError`.
    """
    location, text = order.offer.region, order.public_key
    if any(blob(row.get("ssh_key", "")) == text for row in rows(client, location)):
        return
    label = key_name(order.stamp.deployment, text)
    ledger.intend(STEP, name=label)
    try:
        made = client.post("/ssh_keys/", {"label": label, "ssh_key": text}, location=location)
    except AmbiguousError:
        return  # Its step stays open: nobody knows.
    except ZephyrError as error:
        ledger.failed(STEP, name=label, cause=error.message)
        if SAME not in error.message:
            raise
    else:
        ledger.done(STEP, name=label, id=str(int(made.data["pk"])))


def rows(client: E2eClient, location: str) -> list[dict[str, Any]]:
    """All that are registered."""
    return client.pages("/ssh_keys/", location=location)


def ours(client: E2eClient, location: str) -> list[Resource]:
    """Those that deployments registered: by their name, which is of what they are."""
    found = [(row, read_name(str(row.get("label")))) for row in rows(client, location)]
    return [
        Resource(provider="e2e", kind="key", id=str(int(row["pk"])), region=location, stamp=stamp, name=row["label"])
        for row, stamp in found
        if stamp and row["label"] == key_name(stamp.deployment, blob(row.get("ssh_key", "")))
    ]


def delete(client: E2eClient, resource: Resource) -> None:
    """Unregister it; nodes that have it keep it.

    Raises:
        As `E2eClient.delete`.
    """
    client.delete(f"/delete_ssh_key/{resource.id}/", location=resource.region)


def blob(text: str) -> str:
    """Type and key, without the comment."""
    return " ".join(text.split()[:2])
