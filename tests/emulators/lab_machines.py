"""Real machines behind an emulated cloud: nodes of the lab, booted as the cloud's own images boot.

The machine gets from its cloud what it would get there: the user data as they were sent, and by the metadata the keys
that may log in. Its host keys it makes itself, at its first boot, and says on its console which they are.

Left out: the cloud's firewall (everybody on this machine reaches every port), its metadata service (the metadata lie
in a folder), and instance types (each machine has as many processors and as much memory as this one).
"""

from __future__ import annotations

import json
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

from lab.boot import NodeSpec, boot
from lab.docker import LabError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from emulators.machines import Power
    from lab.cards import Card
    from lab.node import Node
    from lab.world import Lab

STOP_S = 20
"""How long a machine may take to shut down after its power button was pressed, in seconds."""
SEED = "/var/lib/cloud/seed/nocloud"
IMAGE = "/etc/cloud/cloud.cfg.d/95_image.cfg"
ADMIT = """
home=$(getent passwd {user} | cut -d: -f6)
install -d -m 700 -o {user} "$home/.ssh"
cat >> "$home/.ssh/authorized_keys"
chown {user} "$home/.ssh/authorized_keys"
chmod 600 "$home/.ssh/authorized_keys"
"""


class LabMachines:
    """Fills `emulators.machines.Machines`.

    Args:
        lab: Where.
        folder: For files that go with the machines; nobody needs them.
        card: Which graphics card a machine has, by its id; None: none.
        preload: Whether the images of TGI and Caddy are there already.
    """

    def __init__(
        self, lab: Lab, folder: Path, card: Callable[[str], Card | None] | Card | None = None, *, preload: bool = True
    ) -> None:
        self._lab, self._folder, self._preload = lab, folder, preload
        self._card_of = card if callable(card) else lambda _machine: card
        self._pool = ThreadPoolExecutor(thread_name_prefix="boot")
        self._made: dict[str, Future[Node]] = {}

    def launch(self, machine: str, *, user: str, keys: Sequence[str], user_data: str) -> None:
        """Switch a new machine on; returns before it has booted."""
        files = {IMAGE: _image(user), f"{SEED}/meta-data": _metadata(machine, keys)}
        card = self._card_of(machine)
        spec = NodeSpec(card=card, preload=self._preload, user_data=user_data, files=files, console=True)
        self._made[machine] = self._pool.submit(boot, self._lab, spec, self._folder)

    def node(self, machine: str) -> Node:
        """What the machine is; waits until it has been switched on.

        Raises:
            LabError: it could not be.
        """
        return self._made[machine].result()

    def power(self, machine: str) -> Power:
        """A cloud calls a machine on as soon as it has power, long before anybody can log in.

        Raises:
            LabError: it could not be switched on.
        """
        node = self._powered(machine)
        if node is None:
            return "booting" if machine in self._made else "off"
        return "on" if node.running else "off"

    def address(self, machine: str) -> str | None:
        """In the lab's network; it stays the same as long as the machine exists."""
        node = self._powered(machine)
        return node.address if node else None

    def console(self, machine: str) -> str:
        """What the machine itself has written."""
        node = self._powered(machine)
        return node.console() if node else ""

    def admit(self, machine: str, user: str, key: str) -> None:
        """Let one more key log in."""
        self.node(machine).exec(ADMIT.format(user=user), stdin=f"{key}\n")

    def power_off(self, machine: str) -> None:
        """Press the power button; cut the power where that does not help."""
        if machine in self._made:
            self._lab.docker("stop", "--time", str(STOP_S), self.node(machine).name)

    def power_on(self, machine: str) -> None:
        """Switch it on again; returns before it has booted."""
        self._lab.docker("start", self.node(machine).name)

    def delete(self, machine: str) -> None:
        """Take it away with its disk, whatever it is doing."""
        booting = self._made.pop(machine, None)
        if booting is not None:
            with suppress(LabError):  # one that could not be switched on is gone already
                booting.result().remove()

    def there(self) -> list[str]:
        """The machines that exist, on or off."""
        return list(self._made)

    def remove_all(self) -> None:
        """Take every machine away, side by side."""
        with ThreadPoolExecutor() as pool:
            list(pool.map(self.delete, list(self._made)))

    def _powered(self, machine: str) -> Node | None:
        booting = self._made.get(machine)
        return booting.result() if booting is not None and booting.done() else None


def _image(user: str) -> str:
    """What a cloud's image tells cloud-init: who logs in. Clouds with another user than root lock root out."""
    sudoer = {"name": user, "lock_passwd": True, "shell": "/bin/bash", "sudo": ["ALL=(ALL) NOPASSWD:ALL"]}
    config = {
        "disable_root": user != "root",
        "ssh_deletekeys": True,
        "ssh_genkeytypes": ["rsa", "ecdsa", "ed25519"],
        "system_info": {"default_user": sudoer},
        "users": [] if user == "root" else ["default"],
    }
    return json.dumps(config)  # JSON is YAML


def _metadata(machine: str, keys: Sequence[str]) -> str:
    named = {f"key-{number}": key for number, key in enumerate(keys)}
    return json.dumps({"instance-id": machine, "local-hostname": machine, "public-keys": named})
