"""Packages on a node: from where this machine has its own, for mirrors, proxies and keys differ from place to place."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lab.node import Node

HERE = Path("/etc/apt")


def share_apt(node: Node) -> None:
    """Let the node's apt use what this machine's uses, where both are of the same release."""
    if _codename(Path("/etc/os-release").read_text()) != _codename(node.exec("cat /etc/os-release").stdout):
        return
    sources = [
        HERE / "sources.list",
        *(HERE / "sources.list.d").glob("*.sources"),
        *(HERE / "sources.list.d").glob("*.list"),
    ]
    settings = [path for path in (HERE / "apt.conf.d").iterdir() if "Acquire::" in path.read_text()]
    node.exec("rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*")
    for path in (path for path in [*sources, *settings] if path.is_file()):
        node.exec(f"mkdir -p {path.parent} && cat >{path}", stdin=path.read_text())


def _codename(release: str) -> str:
    return next((line for line in release.splitlines() if line.startswith("VERSION_CODENAME=")), "")
