"""Caddy in front of the engine: one address that stays, whichever release is behind it.

A deployment has two places for an engine, each with ports of its own, and Caddy knows both for good. While nobody
listens at either, Caddy tries to connect again and again (``lb_try_duration``). Nothing of a request has been sent by
then, so requests wait and none fails. Its configuration is not reloaded for a switch: Caddy 2.6 cuts requests then.
"""

from __future__ import annotations

import shutil
import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from zephyr_deploy.agent import docker, ports, units
from zephyr_deploy.agent.errors import NodeError
from zephyr_deploy.agent.files import put
from zephyr_deploy.agent.layout import UNITS
from zephyr_deploy.agent.peers import Peers
from zephyr_deploy.agent.shell import run
from zephyr_deploy.agent.slots import Slots

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from zephyr_deploy.agent.layout import Layout

START_S = 60.0
STOP_S = 120.0
CONNECT_S = 0.5
MOST_RESTARTS = 2
ANY = "0.0.0.0"  # noqa: S104 - only to see whether it is free
KEY = "api_key"


class Gateway:
    """The gateway of one deployment; ``apart``: on a machine of its own, see `zephyr_deploy.agent.front`."""

    def __init__(self, layout: Layout, *, apart: bool = False) -> None:
        self.layout = layout
        self.apart = apart
        self.unit = layout.gateway_unit
        self.slots = Slots(layout)
        self.peers = Peers(layout)

    def require_ports(self, about: dict[str, Any], before: dict[str, Any]) -> None:
        """See that the ports are free, or the gateway's own.

        Args:
            about: The ``release.json`` that is to serve.
            before: The one that serves.

        Raises:
            NodeError: one is another program's.
        """
        taken = self.taken_ports(_places(about), before)
        for port, holder in taken[:1]:
            raise NodeError("config", f"port {port} of the node is taken by {holder}", ports.way_out(port))

    def taken_ports(self, wanted: Iterable[Sequence[Any]], before: dict[str, Any]) -> list[tuple[int, str]]:
        """The ports among ``wanted`` (addresses and ports) that others have, and who; ``before`` as above."""
        held = _places(before) if self.running else set()
        new = {(str(address), int(port)) for address, port in wanted} - held
        taken = [(port, ports.holder(port)) for address, port in sorted(new) if not ports.is_free(address, port)]
        # A call that was cut off may have started it without a word of what it is.
        own = f"(pid {self._pid})"
        return [(port, holder) for port, holder in taken if not holder.endswith(own)]

    def keep_secret(self, api_key: str) -> None:
        """Put the key where Caddy reads it: a file for root alone in memory, and sealed for the next boot.

        Caddy reads it for each request, so a new key holds from now on. ``systemd-creds`` (systemd 250) seals it with
        the machine's own key; an older node forgets it at a reboot, and the gateway then waits for the next `up`.
        """
        self.layout.run.mkdir(parents=True, exist_ok=True)
        self.layout.run.chmod(0o700)
        changed = put(self.layout.run / KEY, api_key, 0o600)
        sealed = self.layout.home / f"{KEY}.cred"
        if not changed and sealed.exists():
            return
        if sealed.exists():  # Where the new one cannot be sealed, a boot would bring the old one back.
            sealed.unlink()
        if api_key and shutil.which("systemd-creds"):
            run(["systemd-creds", "encrypt", f"--name={KEY}", "-", str(sealed)], stdin=api_key)
            if sealed.exists():
                sealed.chmod(0o600)

    def api_key(self) -> str:
        """The key that callers need; empty if none, or if it was lost."""
        try:
            return (self.layout.run / KEY).read_text().strip()
        except OSError:
            return ""

    @property
    def held(self) -> bool:
        """Whether new requests wait in it now: no engine listens or its gate is closed, and no machine is beside it."""
        alone, places = not self.peers.known, self.slots.known_ports
        return alone and bool(places) and units.active(self.unit) and not any(map(_accepts, places))

    def install(self, files: dict[str, str]) -> None:
        """Bring Caddy to these files: nothing, a reload, or a start. The last two cut running requests.

        Raises:
            NodeError: it does not start, or refuses its configuration; it is back at the files that it had.
        """
        had = self._files()
        try:
            self._bring(files)
        except NodeError:
            if had:
                with suppress(NodeError):  # The first error is the one to tell.
                    self._bring(had)
            raise

    @property
    def _read(self) -> tuple[str, ...]:
        """The files of a release that Caddy reads."""
        return ("Caddyfile", "entry", "peers.pem") if self.apart else ("Caddyfile",)

    @property
    def authorities(self) -> str:
        """The certificates by which it knows the nodes."""
        try:
            return (self.layout.gateway / "peers.pem").read_text()
        except OSError:
            return ""

    def _files(self) -> dict[str, str]:
        """What is installed; empty where it is not whole."""
        folder = self.layout.gateway
        paths = {name: folder / name for name in (*self._read, "gateway.sh")}
        paths["gateway.service"] = UNITS / self.unit
        try:
            return {name: path.read_text() for name, path in paths.items()}
        except OSError:
            return {}

    def _bring(self, files: dict[str, str]) -> None:
        folder = self.layout.gateway
        changed = [put(folder / name, files[name]) for name in self._read]
        if not self.apart:
            places = " ".join(f"127.0.0.1:{port}" for port in self.slots.first_ports)
            changed += [put(folder / "upstream", f"to {places}\n"), self.peers.write()]
        script = put(folder / "gateway.sh", files["gateway.sh"], 0o755)
        unit = units.install({self.unit: files["gateway.service"]})
        if self.running and not script and not unit:
            if any(changed):
                self.reload()
            return
        if units.active(self.unit):
            units.stop(self.unit, STOP_S)
        docker.remove(self.layout.gateway_container)
        units.enable(self.unit)
        units.start(self.unit)
        self._wait_up()

    def reload(self) -> None:
        """Have Caddy read its files anew.

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

    @property
    def _pid(self) -> int:
        """Of Caddy; 0 where it does not run."""
        found = docker.container(self.layout.gateway_container)
        return int(found["State"].get("Pid") or 0) if found else 0

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


def _places(about: dict[str, Any]) -> set[tuple[str, int]]:
    """Addresses and ports that the gateway of a release listens on."""
    own = {("127.0.0.1", int(about["port"]))} if "port" in about else set()
    between = (int(about["peer_port"]),) if "peer_port" in about else ()
    return own | {(ANY, port) for port in (*ports.public(about.get("tls", "")), *between)}


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=CONNECT_S).close()
    except OSError:
        return False
    return True
