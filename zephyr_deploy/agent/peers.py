"""The other machines of a deployment: each machine's gateway can spread requests over all of them.

Between machines requests go by TLS, under one name that every gateway has a certificate of its own for; each machine
trusts the others' authorities, which were brought to it over the pinned SSH connection. The key is asked for as
everywhere, and only the machines of the deployment may connect. Where the gateway has a machine of its own, it alone
spreads requests, and it alone may connect.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zephyr_deploy.agent.files import get_json, put, put_json

if TYPE_CHECKING:
    from zephyr_deploy.agent.gateway import Gateway
    from zephyr_deploy.agent.layout import Layout

ALONE = {"entry": "import engine\n", "strangers": "abort\n", "peers.pem": ""}
"""What the gateway's files say where there is no other machine."""


class Peers:
    """What one machine knows of the others."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._file = layout.home / "peers.json"

    @property
    def known(self) -> list[str]:
        """Addresses of all machines of the deployment, this one included; empty where it is alone."""
        known = get_json(self._file)
        return [str(address) for address in known["nodes"]] if isinstance(known, dict) else []

    @property
    def front(self) -> str:
        """Address of the gateway on a machine of its own that this machine lets in; empty where there is none."""
        known = get_json(self._file)
        return str(known.get("front", "")) if isinstance(known, dict) else ""

    def authority(self) -> str:
        """The certificate of this machine's own authority, as PEM; empty before its gateway has made one."""
        try:
            return (self.layout.home / "caddy/caddy/pki/authorities/local/root.crt").read_text()
        except OSError:
            return ""

    def write(self) -> bool:
        """Bring the gateway's files to what is known; whether one changed."""
        known = get_json(self._file)
        files = known["files"] if isinstance(known, dict) else ALONE
        changed = [put(self.layout.gateway / name, text) for name, text in files.items()]
        return any(changed)

    def meet(self, request: dict[str, Any], gateway: Gateway) -> None:
        """Take the machines that ``request`` names (``nodes`` or ``front``), and have Caddy know them by its ``files``.

        Raises:
            NodeError: Caddy refuses them, or a file cannot be written.
        """
        known = {"nodes": request["nodes"], "front": request.get("front", ""), "files": request["files"]}
        put_json(self._file, known)
        if self.write() and gateway.running:
            gateway.reload()
