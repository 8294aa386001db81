"""Host keys that travel with a deployment, so that a clean checkout knows them: in zephyr.toml, and in zephyr.lock.

Those of clouds' machines travel with the machines; see `zephyr_deploy.providers.clouds.stamp`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.deploy.lockplace import found_lock
from zephyr_deploy.node.address import NodeAddress, known_name

if TYPE_CHECKING:
    from pathlib import Path

    from zephyr_deploy.node.hostkeys import Trust
    from zephyr_deploy.spec.deployment import Deployment


def with_pins(trust: Trust, deployment: Deployment, lock: Path | None) -> Trust:
    """The same, held to the keys that zephyr.toml and zephyr.lock name; of both, zephyr.toml wins.

    Args:
        trust: What the user allows; ``--host-key`` wins over either.
        deployment: What zephyr.toml says.
        lock: Where the lock is; there need not be one. None: it is left out.

    Raises:
        ConfigError: the lock cannot be read, as where git has left a conflict in it.
        UsageError: a host of ``machine.host_keys`` is no address.
    """
    found = found_lock(lock) if lock else None
    pins = {name: machine.host_key for name, machine in found.machines.items() if machine.host_key} if found else {}
    for host, fingerprint in deployment.machine.host_keys.items():
        pins[_name(host)] = fingerprint
    return trust.model_copy(update={"pins": pins})


def _name(host: str) -> str:
    """As ``known_hosts`` has it: ``host``, or ``[host]:port``."""
    return known_name(*NodeAddress.parse(host).place)
