"""Caddy in front of the engine: one address that stays, whichever release is behind it.

While a release is replaced, new requests wait in Caddy: as long as nothing listens behind it, it tries to connect again
(``lb_try_duration``), and nothing of a request has been sent by then. So no request fails.
"""

from __future__ import annotations

import shutil
import socket
import time
from typing import TYPE_CHECKING

from zephyr_deploy.agent import docker, units
from zephyr_deploy.agent.errors import NodeError
from zephyr_deploy.agent.files import put
from zephyr_deploy.agent.layout import UNITS
from zephyr_deploy.agent.shell import run

if TYPE_CHECKING:
    from zephyr_deploy.agent.layout import Layout

HOLD_S = 900
"""How long a request may wait while a release is replaced, in seconds: as long as a model takes to load."""
CALM_S = 5
"""How long a request waits for an engine that is not there at any other time: a restart is not seen."""
START_S = 60.0
STOP_S = 120.0
MOST_RESTARTS = 2
ENV = "gateway.env"


class Gateway:
    """The gateway of one deployment."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.unit = layout.gateway_unit

    def require_port(self, port: int) -> None:
        """See that the port is free, or the gateway's own.

        Raises:
            NodeError: it is another program's.
        """
        if units.active(self.unit):
            return
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                hint = "Choose another with --port (access.port), or end that program."
                raise NodeError("config", f"port {port} of the node is taken by another program", hint) from error

    def keep_secret(self, api_key: str) -> None:
        """Put the key where Caddy reads it: a file for root alone in memory, and sealed for the next boot.

        ``systemd-creds`` (systemd 250) seals it with the machine's own key; an older node forgets it at a reboot, and
        the gateway then says that it waits for the next `up`.
        """
        self.layout.run.mkdir(parents=True, exist_ok=True)
        self.layout.run.chmod(0o700)
        text = f"ZEPHYR_API_KEY={api_key}\n" if api_key else ""
        changed = put(self.layout.run / ENV, text, 0o600)
        sealed = self.layout.home / f"{ENV}.cred"
        if (changed or not sealed.exists()) and shutil.which("systemd-creds"):
            done = run(["systemd-creds", "encrypt", f"--name={ENV}", "-", str(sealed)], stdin=text)
            if not done.ok:
                sealed.unlink() if sealed.exists() else None

    def api_key(self) -> str:
        """The key that callers need; empty if none, or if it was lost."""
        try:
            return (self.layout.run / ENV).read_text().strip().partition("=")[2]
        except OSError:
            return ""

    def install(self, files: dict[str, str]) -> None:
        """Bring Caddy to these files: nothing, a reload, or a start.

        Raises:
            NodeError: it does not start, or refuses its configuration.
        """
        folder = self.layout.gateway
        caddyfile = put(folder / "Caddyfile", files["Caddyfile"])
        script = put(folder / "gateway.sh", files["gateway.sh"], 0o755)
        unit = units.install({self.unit: files["gateway.service"]})
        if self.running and not script and not unit:
            if caddyfile:
                self.reload()
            return
        if units.active(self.unit):
            units.stop(self.unit, STOP_S)
        docker.remove(self.layout.gateway_container)
        units.start(self.unit)
        self._wait_up()

    def point_at(self, port: int, *, hold: bool) -> None:
        """Send new requests to ``port`` of the loopback interface; with ``hold`` they may wait for it long.

        Raises:
            NodeError: Caddy does not take it.
        """
        seconds = HOLD_S if hold else CALM_S
        text = f"to 127.0.0.1:{port}\nlb_try_duration {seconds}s\nlb_try_interval 100ms\n"
        if put(self.layout.gateway / "upstream", text) and self.running:
            self.reload()

    def reload(self) -> None:
        """Have Caddy read its files anew; running requests are not touched.

        Raises:
            NodeError: it refuses them.
        """
        command = ["caddy", "reload", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]
        inside = ["docker", "exec", self.layout.gateway_container]
        done = run([*inside, *command, "--force", "--address", "unix//run/zephyr/admin.sock"], START_S)
        if not done.ok:
            raise NodeError(
                "unhealthy", f"the gateway refuses its configuration: {done.last_word}", output=done.err[-2000:]
            )

    def remove(self) -> None:
        """Stop Caddy and take its unit away."""
        if units.active(self.unit) or (UNITS / self.unit).exists():
            units.stop(self.unit, STOP_S)
            docker.remove(self.layout.gateway_container)
        units.remove([self.unit])

    @property
    def running(self) -> bool:
        """Whether Caddy runs and takes orders."""
        found = docker.container(self.layout.gateway_container)
        return bool(found and found["State"]["Running"]) and (self.layout.run / "admin.sock").exists()

    def _wait_up(self) -> None:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if self.running:
                return
            shown = units.show(self.unit)
            if shown.get("ActiveState") == "failed" or int(shown.get("NRestarts") or 0) >= MOST_RESTARTS:
                break
            time.sleep(0.1)
        said = [line for line in units.Journal(self.unit, since="-2min").more() if line.strip()]
        why = said[-1] if said else "it said nothing"
        raise NodeError("unhealthy", f"the gateway (Caddy) does not start: {why}", log=said[-20:])
