"""The endpoint's key as this user knows it: a note, for the day on which a node has lost its own."""

from __future__ import annotations

import secrets

from zephyr_deploy.node.knownhosts import write_private
from zephyr_deploy.paths import deployment_dir, private_dir
from zephyr_deploy.spec.secret import Secret

FILE = "node_key"


def noted_key(name: str) -> str:
    """The key of a deployment as it was noted here; empty if it was not."""
    path = deployment_dir(name) / FILE
    return path.read_text() if path.exists() else ""


def settled_key(name: str, there: Secret | None, given: Secret | None = None) -> Secret:
    """The key of a deployment: the one that is ``given``, which is noted nowhere, for it can be had again.

    Else the one that a node has, else the one that was noted, else a new one; noted by now.
    """
    path = private_dir(deployment_dir(name)) / FILE
    if given is not None:
        path.unlink(missing_ok=True)
        return given
    noted = noted_key(name)
    key = there.get_secret_value() if there else noted or secrets.token_urlsafe(32)
    if key != noted:
        write_private(path, key)
    return Secret(key)
