"""One machine over SSH: the only place that knows Fabric and paramiko.

A `NodeAddress` is what the user typed, a `Route` is what ``~/.ssh/config`` makes of it, `HostKeys` says which host
key is right, and a `NodeConnection` is the way in::

    route = resolve(NodeAddress.parse("ubuntu@203.0.113.7"))
    keys = HostKeys(deployment_dir("demo") / "known_hosts", alias_of("demo"), trust=Trust(first_use=True))
    with NodeConnection.open(route, keys) as node:
        result = node.run("sh -s", script, deadline_s=60)
        with node.lines("sh -s", script, deadline_s=600, idle_s=10) as answers:
            for line in answers:
                ...

    with Tunnel(lambda: NodeConnection.open(route, keys), remote_port=8080) as tunnel:
        print(tunnel.local_port)

    add_host(ssh_host("demo", route, keys.file))  # then `ssh zephyr-demo`, and vscode_link("demo", "/srv")

No host key is ever accepted unseen: it is pinned in the deployment's own file, named by the user, known to the
user's ``known_hosts``, or taken at first use because the user said so; `HostKeys.on_pinned` hears of every new pin.
Names are imported when they are first used, so that importing this package loads neither paramiko nor Fabric.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zephyr_deploy.node.address import NodeAddress
    from zephyr_deploy.node.connection import NodeConnection
    from zephyr_deploy.node.hostkeys import HostKeys, Pinned, Trust, alias_of
    from zephyr_deploy.node.knownhosts import HostKey, PinFile
    from zephyr_deploy.node.lines import Lines, Result
    from zephyr_deploy.node.route import Route, resolve
    from zephyr_deploy.node.sshconfig import SshHost, add_host, remove_host, ssh_host, vscode_link
    from zephyr_deploy.node.tunnel import Tunnel

_HOMES = {
    "HostKey": "knownhosts",
    "HostKeys": "hostkeys",
    "Lines": "lines",
    "NodeAddress": "address",
    "NodeConnection": "connection",
    "PinFile": "knownhosts",
    "Pinned": "hostkeys",
    "Result": "lines",
    "Route": "route",
    "SshHost": "sshconfig",
    "Trust": "hostkeys",
    "Tunnel": "tunnel",
    "add_host": "sshconfig",
    "alias_of": "hostkeys",
    "remove_host": "sshconfig",
    "resolve": "route",
    "ssh_host": "sshconfig",
    "vscode_link": "sshconfig",
}

__all__ = [
    "HostKey",
    "HostKeys",
    "Lines",
    "NodeAddress",
    "NodeConnection",
    "PinFile",
    "Pinned",
    "Result",
    "Route",
    "SshHost",
    "Trust",
    "Tunnel",
    "add_host",
    "alias_of",
    "remove_host",
    "resolve",
    "ssh_host",
    "vscode_link",
]


def __getattr__(name: str) -> object:
    """Import a public name when it is first used (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
