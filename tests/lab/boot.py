"""How a node comes into being: its container, its files, its first boot."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
from lab.builds import BARE, NODE
from lab.docker import LABEL, LabError
from lab.keys import SshKey, make_key
from lab.node import Node
from lab.preload import preload
from lab.tar import tar
from lab.userdata import USER, cloud_config, together
from lab.world import NETWORK

if TYPE_CHECKING:
    from collections.abc import Mapping
    from ipaddress import IPv4Network

    from lab.cards import Card
    from lab.world import Lab

STAND_INS = Path(__file__).parent / "nvidia"
DRIVER = ("nvidia-smi",)
TOOLKIT = ("nvidia-ctk", "nvidia-container-runtime", "nvidia-container-runtime-hook")
TRIES = 20
KEPT = "kept"
"""Owner of nodes that no process owns: `make lab-clean` removes them."""
REGISTRIES = ("ghcr.io", "registry-1.docker.io")
AUTHORITY = "/etc/ssl/certs/zephyr-lab.pem"
"""Docker trusts whatever lies in that folder; its own folder for certificates does not count for docker.io."""


@dataclass(frozen=True)
class NodeSpec:
    """What a node is to be."""

    docker: bool = True
    """False: a bare machine, without Docker."""
    card: Card | None = None
    """The graphics card that it pretends to have, driver included."""
    toolkit: bool = True
    """Whether NVIDIA's container toolkit is there; without Docker or without a card it is not."""
    preload: bool = False
    """Whether the images of TGI and Caddy are there already."""
    user_data: str | None = None
    """What cloud-init is told, whole; None: user ``ubuntu`` with a new key and a known host key."""
    cloud_config: str = ""
    """A cloud-config that cloud-init is told beside those."""
    disks: Mapping[str, int] = field(default_factory=dict)
    """Folder → MiB: folders on a disk of their own that can be filled. Kept in memory, empty after a reboot."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Further files, by path."""
    console: bool = False
    """Whether it has a console; what is written there is what `Node.console` shows."""


def boot(lab: Lab, spec: NodeSpec, folder: Path, *, keep: bool = False) -> Node:
    """Start a node; `Node.wait_ready` waits for it.

    Args:
        lab: Where.
        spec: What.
        folder: For the key that logs in; a test's own.
        keep: Whether it outlives this process.

    Raises:
        LabError: it could not be started.
    """
    name = f"zephyr-lab-node-{secrets.token_hex(4)}"
    login, host = make_key(), make_key()
    address = _create(lab, spec, name, KEPT if keep else owner())
    key = folder / f"{name}.key"
    node = Node(lab, name, address, USER, key, host.fingerprint, host.public, has_docker=spec.docker)
    try:
        _write_key(key, login)
        lab.docker("cp", "-", f"{name}:/", stdin=_files(lab, spec, name, login, host))
        lab.docker("start", name)
    except LabError:
        node.remove()
        raise
    return node


def _create(lab: Lab, spec: NodeSpec, name: str, whose: str) -> str:
    """Create the container under a free address; the address."""
    image = (NODE if spec.docker else BARE).tag
    labels = ["--label", LABEL, "--label", f"{LABEL}.owner={whose}"]
    labels += ["--label", f"{LABEL}.services={lab.services}"]
    rights = ["--cap-add", "ALL", "--cap-drop", "SYS_RESOURCE", "--cgroupns", "private"]
    for part in ("seccomp", "apparmor"):
        rights += ["--security-opt", f"{part}=unconfined"]
    disks = [word for path, mib in spec.disks.items() for word in ("--tmpfs", f"{path}:exec,size={mib}m")]
    disks += ["--tmpfs", "/run", "--tmpfs", "/tmp:exec"]
    if spec.docker and "/var/lib/docker" not in spec.disks:
        disks += ["--volume", "/var/lib/docker"]
    if spec.preload:
        disks += ["--volume", f"{preload(lab)}:/lab/preload:ro"]
    terminal = ["--tty"] if spec.console else []
    names = [word for host in REGISTRIES for word in ("--add-host", f"{host}:{lab.services_address}")]
    taken = {entry["IPv4Address"].partition("/")[0] for entry in lab.docker.inspect(NETWORK)["Containers"].values()}
    address = next(a for _ in range(TRIES) if (a := _random_address(lab.subnet)) not in taken)
    place = ["--name", name, "--hostname", name, "--network", NETWORK, "--ip", address]
    lab.docker("create", *place, *labels, *rights, *terminal, *disks, *names, image)
    return address


def _random_address(subnet: IPv4Network) -> str:
    """One of the upper half; services have the lower. Two workers that draw at once hardly draw the same."""
    half = subnet.num_addresses // 2
    return str(subnet[half + secrets.randbelow(half - 2)])


def _files(lab: Lab, spec: NodeSpec, name: str, login: SshKey, host: SshKey) -> bytes:
    seed = "/var/lib/cloud/seed/nocloud"
    own = cloud_config(login, host) if spec.user_data is None else spec.user_data
    data = together(own, spec.cloud_config) if spec.cloud_config else own
    files: dict[str, bytes | str] = {
        f"{seed}/user-data": data,
        f"{seed}/meta-data": f"instance-id: {name}\nlocal-hostname: {name}\n",
        AUTHORITY: (lab.tls / "ca.pem").read_bytes(),
        **spec.files,
    }
    programs = [*(DRIVER if spec.card else ()), *(TOOLKIT if spec.card and spec.toolkit and spec.docker else ())]
    files |= {f"/usr/bin/{program}": (STAND_INS / program).read_bytes() for program in programs}
    if spec.card:
        files["/etc/zephyr-lab/card"] = spec.card.file()
    modes = {path: 0o755 for path in files if path.startswith("/usr/bin/")} | {f"{seed}/user-data": 0o600}
    return tar(files, modes)


def _write_key(path: Path, login: SshKey) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(login.private)


def owner() -> str:
    """This process, so that nodes whose process is gone can be told: pid and start, in ticks."""
    return f"{os.getpid()}@{psutil.Process().create_time():.2f}"


def sweep(lab: Lab) -> None:
    """Remove the nodes of processes that are gone."""
    show = '{{.Names}} {{.Label "zephyr-lab.owner"}}'
    for line in lab.docker("ps", "--all", "--filter", f"label={LABEL}.owner", "--format", show).splitlines():
        name, whose = line.split()
        if whose == KEPT:
            continue
        pid, _, start = whose.partition("@")
        try:
            alive = f"{psutil.Process(int(pid)).create_time():.2f}" == start
        except psutil.NoSuchProcess:
            alive = False
        if not alive:
            lab.docker.try_("rm", "--force", "--volumes", name)
