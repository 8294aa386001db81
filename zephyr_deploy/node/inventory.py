"""A machine as Ansible's inventory has it: reached as everything here reaches it, by the same key and pin."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from zephyr_deploy.node.sshconfig import SshHost

Inventory = dict[str, dict[str, dict[str, dict[str, Any]]]]
PIN = {"UserKnownHostsFile", "GlobalKnownHostsFile", "HostKeyAlias"}


def host_vars(host: SshHost, *, pinned: bool = True, batch: bool = False) -> dict[str, Any]:
    """What Ansible has to know of a machine.

    Args:
        host: How ssh reaches it.
        pinned: Whether its host key stands in ``host.known_hosts``; if not, ssh's own files have to know it.
        batch: Nobody is there to be asked for a passphrase.

    Raises:
        ConfigError: a value cannot be written safely.
    """
    options = list(host.options())
    found: dict[str, Any] = {"ansible_host": host.host, "ansible_port": host.port, "ansible_user": host.user}
    if host.identities:
        found["ansible_ssh_private_key_file"] = str(host.identities[0])
        options = options[1:]
    if not pinned:
        options = [(key, value) for key, value in options if key not in PIN]
    if batch:
        options.append(("BatchMode", "yes"))
    words = [word for key, value in options for word in ("-o", f"{key}={value}")]
    return {**found, "ansible_ssh_common_args": shlex.join(words)}


def inventory(hosts: Mapping[str, Mapping[str, Any]]) -> Inventory:
    """An inventory of these machines, by name."""
    return {"all": {"hosts": {name: dict(values) for name, values in hosts.items()}}}


def as_yaml(said: Inventory) -> str:
    """An inventory as people write it; numbers and texts of YAML are as JSON has them."""
    return "\n".join(_lines(said, ""))


def _lines(mapping: Mapping[str, Any], indent: str) -> Iterator[str]:
    for key, value in mapping.items():
        if isinstance(value, dict):
            yield f"{indent}{key}:"
            yield from _lines(value, f"{indent}  ")
        else:
            yield f"{indent}{key}: {json.dumps(value)}"
