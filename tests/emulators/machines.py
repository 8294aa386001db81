"""What is behind an emulated cloud's API: real machines, or none."""

from __future__ import annotations

import ipaddress
import itertools
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from lab.keys import SshKey, make_key

Power = Literal["booting", "on", "off"]


class Machines(Protocol):
    """Machines by the id that the cloud gives them."""

    def launch(self, machine: str, *, user: str, keys: Sequence[str], user_data: str) -> None:
        """Switch a new machine on; returns before it has booted."""

    def power(self, machine: str) -> Power:
        """Whether it is on; a machine may have powered itself off."""

    def address(self, machine: str) -> str | None:
        """Its address; None: it has none yet."""

    def console(self, machine: str) -> str:
        """What it has written to its console, host keys between cloud-init's marks included."""

    def admit(self, machine: str, user: str, key: str) -> None:
        """Let one more key log in."""

    def power_off(self, machine: str) -> None:
        """Switch it off; fine where it is off."""

    def power_on(self, machine: str) -> None:
        """Switch it on again."""

    def delete(self, machine: str) -> None:
        """Take it away; fine where it is gone."""


@dataclass
class _Paper:
    address: str
    host_key: SshKey
    user_data: str
    keys: list[str]
    power: Power = "on"


@dataclass
class PaperMachines:
    """Machines that are none: they have an address that nobody can reach, and a host key."""

    made: dict[str, _Paper] = field(default_factory=dict)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def launch(self, machine: str, *, user: str, keys: Sequence[str], user_data: str) -> None:
        """Note it."""
        with self._lock:
            address = str(ipaddress.ip_address("198.51.100.0") + next(self._numbers) % 256)
            self.made[machine] = _Paper(address, make_key(), user_data, list(keys))

    def power(self, machine: str) -> Power:
        """As it was left."""
        return self.made[machine].power if machine in self.made else "off"

    def address(self, machine: str) -> str | None:
        """Of TEST-NET-2 (RFC 5737)."""
        return self.made[machine].address

    def console(self, machine: str) -> str:
        """The host key alone."""
        return CONSOLE.format(key=self.made[machine].host_key.public)

    def admit(self, machine: str, user: str, key: str) -> None:
        """Note it."""
        self.made[machine].keys.append(key)

    def power_off(self, machine: str) -> None:
        """Note it."""
        if machine in self.made:
            self.made[machine].power = "off"

    def power_on(self, machine: str) -> None:
        """Note it."""
        self.made[machine].power = "on"

    def delete(self, machine: str) -> None:
        """Forget it."""
        self.made.pop(machine, None)


CONSOLE = """\
[    0.000000] Linux version 6.8.0-1021-aws
ci-info: no authorized SSH keys fingerprints found for user ubuntu.
<14>cloud-init: #############################################################
<14>cloud-init: -----BEGIN SSH HOST KEY FINGERPRINTS-----
<14>cloud-init: 256 SHA256:(left out) root@ip-10-0-0-1 (ED25519)
<14>cloud-init: -----END SSH HOST KEY FINGERPRINTS-----
-----BEGIN SSH HOST KEY KEYS-----
{key} root@ip-10-0-0-1
-----END SSH HOST KEY KEYS-----
[   21.334455] cloud-init[1234]: Cloud-init v. 24.1 finished
"""
"""As cloud-init's ``write-ssh-key-fingerprints`` leaves it."""
