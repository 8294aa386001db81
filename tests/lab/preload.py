"""Docker data folders that hold the images already, so that most tests need not pull them.

One node pulls the images under their real names, digests included, and stops its Docker. What it has then is a volume
that every node which asks sees read-only; `recipes/node/rootfs/usr/sbin/lab-preload` builds on it.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock
from lab.builds import BARE
from lab.docker import LABEL
from lab.places import LAB_DIR
from lab.world import preload_volume

if TYPE_CHECKING:
    from lab.world import Lab

COPY_S = 60.0
PULL_S = 120.0


def preload(lab: Lab) -> str:
    """The volume with the images of TGI and Caddy, filled when it is first asked for; its name."""
    volume = preload_volume(lab.services)
    with FileLock(LAB_DIR / "preload.lock", timeout=600):
        if not (LAB_DIR / "filled" / volume).exists() or not _ours(lab, volume):
            _fill(lab, volume)
    return volume


def _ours(lab: Lab, volume: str) -> bool:
    """Whether the volume is there and was made here: Docker makes an empty one for a container that names none."""
    return lab.docker.exists("volume", volume) and LABEL in (lab.docker.inspect(volume)["Labels"] or {})


def _fill(lab: Lab, volume: str) -> None:
    from lab.boot import NodeSpec, boot

    (LAB_DIR / "filled" / volume).unlink(missing_ok=True)
    lab.docker.try_("volume", "rm", volume)
    lab.docker("volume", "create", "--label", LABEL, volume)
    with tempfile.TemporaryDirectory() as folder:
        node = boot(lab, NodeSpec(), Path(folder))
        try:
            node.wait_ready()
            for image in (lab.tgi_image, lab.tgi_older_image, lab.caddy_image):
                node.exec(f"docker pull -q {image}", timeout_s=PULL_S)
            node.exec("systemctl stop docker.service docker.socket")
            lab.docker("stop", "--time", "10", node.name)
            mounts = lab.docker.inspect(node.name)["Mounts"]
            source = next(mount["Name"] for mount in mounts if mount["Destination"] == "/var/lib/docker")
            _copy(lab, source, volume)
        finally:
            node.remove()
    (LAB_DIR / "filled" / volume).touch()


def _copy(lab: Lab, source: str, target: str) -> None:
    mounts = ["--volume", f"{source}:/from:ro", "--volume", f"{target}:/to"]
    copy = ["cp", "--archive", "--reflink=auto", "/from/.", "/to/"]
    lab.docker("run", "--rm", "--label", LABEL, "--network", "none", *mounts, BARE.tag, *copy, timeout_s=COPY_S)
