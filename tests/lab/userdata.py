"""What a cloud would hand a machine at its first boot."""

from __future__ import annotations

import json
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lab.keys import SshKey

USER = "ubuntu"


def cloud_config(login: SshKey, host: SshKey) -> str:
    """User data: a user who may sudo, the key that logs in (root too), and the key that the node is known by."""
    sudoer = {
        "name": USER,
        "sudo": "ALL=(ALL) NOPASSWD:ALL",
        "shell": "/bin/bash",
        "ssh_authorized_keys": [login.public],
    }
    config = {
        "users": [sudoer, {"name": "root", "ssh_authorized_keys": [login.public]}],
        "disable_root": False,
        "ssh_keys": {"ed25519_private": host.private, "ed25519_public": host.public},
        "ssh_deletekeys": True,
        "ssh_genkeytypes": ["ed25519"],
    }
    return f"#cloud-config\n{json.dumps(config, indent=1)}\n"  # JSON is YAML


def together(*configs: str) -> str:
    """Several cloud-configs as one user data, each word for word: a MIME archive, which cloud-init merges."""
    archive = MIMEMultipart()
    for config in configs:
        archive.attach(MIMEText(config, "cloud-config"))
    return archive.as_string()
