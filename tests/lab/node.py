"""One node, running: what a test does with it and to it."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lab.docker import LabError, LabUnavailableError
from lab.line import Line
from lab.world import NETWORK

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab.world import Lab

READY_S = 60.0
GONE_S = 30.0
SSH_PORT = 22
FILL = """
for _ in 1 2 3 4 5; do
  left=$(df --output=avail --block-size=1M {folder} | tail -n 1)
  fallocate -l $((left > {leave} ? left - {leave} : 1))M {ballast} && exit 0
done
exit 1
"""
"""Tried again, because what is being written there meanwhile takes of the room that was seen."""


@dataclass(frozen=True)
class Node:
    """A machine on the lab's network; `lab.boot.boot` starts one."""

    lab: Lab
    name: str
    address: str
    """IP address; it stays the same over reboots."""
    user: str
    """Who may log in with ``key`` and has sudo without a password; ``root`` may log in, too."""
    key: Path
    """File of the private key, without a passphrase."""
    host_key_fingerprint: str
    """``SHA256:…`` of the ed25519 key that the node shows. Only with the lab's own user data."""
    host_key: str
    """The same key, ``ssh-ed25519 AAAA…``."""
    has_docker: bool = True
    port: int = SSH_PORT

    def exec(
        self, command: str, *, check: bool = True, timeout_s: float = 60.0, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run a shell command on the node as root, past the network.

        Raises:
            LabError: it failed and ``check`` was not False, or took longer than ``timeout_s`` seconds.
        """
        args = ["exec", "--interactive", self.name, "sh", "-c", command]
        done = self.lab.docker.try_(*args, timeout_s=timeout_s, stdin=stdin.encode())
        out, err = (text.decode(errors="replace") for text in (done.stdout, done.stderr))
        if check and done.returncode:
            raise LabError(f"{self.name}: {command}: exit code {done.returncode}: {(err or out).strip()[-2000:]}")
        return subprocess.CompletedProcess(command, done.returncode, out, err)

    def wait_ready(self, timeout_s: float = READY_S) -> Node:
        """Wait until cloud-init is through, a login works and Docker, where it is installed, runs; this node.

        Raises:
            LabError: not within ``timeout_s`` seconds.
        """
        deadline = time.monotonic() + timeout_s
        while not (self.exec("lab-ready", check=False).returncode == 0 and self._greets()):
            if time.monotonic() > deadline or not self.running:
                said = self.exec("systemctl --failed --no-legend; cloud-init status --long", check=False)
                raise LabError(f"{self.name} is not ready after {timeout_s:g} s: {said.stdout or said.stderr}")
            time.sleep(0.1)
        return self

    def _greets(self) -> bool:
        try:
            with socket.create_connection((self.address, self.port), timeout=2) as connection:
                return connection.recv(4) == b"SSH-"
        except OSError:
            return False

    @property
    def running(self) -> bool:
        """Whether the machine is on."""
        state: dict[str, Any] = self.lab.docker.inspect(self.name)["State"]
        return bool(state["Running"])

    def reboot(self) -> None:
        """Restart the machine and wait until it is ready again."""
        self.lab.docker("restart", "--time", "10", self.name)
        self.wait_ready()

    def kill(self) -> None:
        """Cut the power."""
        self.lab.docker("kill", self.name)

    def start(self) -> None:
        """Switch the machine on again, and wait until it is ready."""
        self.lab.docker("start", self.name)
        self.wait_ready()

    def wait_off(self, timeout_s: float = GONE_S) -> None:
        """Wait until the machine has switched itself off; `LabError` if it does not."""
        deadline = time.monotonic() + timeout_s
        while self.running:
            if time.monotonic() > deadline:
                raise LabError(f"{self.name} is still on after {timeout_s:g} s")
            time.sleep(0.1)

    def pause(self) -> None:
        """Freeze every process: connections stay open and nobody answers."""
        self.lab.docker("pause", self.name)

    def unpause(self) -> None:
        """Go on."""
        self.lab.docker("unpause", self.name)

    def disconnect(self) -> None:
        """Pull the cable."""
        self.lab.docker("network", "disconnect", NETWORK, self.name)

    def connect(self) -> None:
        """Plug it in again, with the same address."""
        self.lab.docker("network", "connect", "--ip", self.address, NETWORK, self.name)

    @contextmanager
    def netem(self, *, delay_ms: float = 0, loss: float = 0, rate: str | None = None) -> Iterator[None]:
        """A bad line to the node, for a while; it works on what is sent to the node.

        Args:
            delay_ms: Milliseconds added to every packet.
            loss: Percent of packets that are lost.
            rate: Most that goes through, in tc's words: ``1mbit``.

        Raises:
            LabUnavailableError: the cable's end is not on this machine, we are not root, or the kernel has no netem.
        """
        cable = self._cable()
        said = ["delay", f"{delay_ms:g}ms"] if delay_ms else []
        said += ["loss", f"{loss:g}%"] if loss else []
        said += ["rate", rate] if rate else []
        _tc("add", cable, "netem", *said)
        try:
            yield
        finally:
            _tc("del", cable)

    @contextmanager
    def loss(self, percent: float) -> Iterator[None]:
        """Lose that share of the packets that reach the node, for a while; needs iptables on it, as Docker does."""
        rule = f"INPUT -i eth0 -m statistic --mode random --probability {percent / 100:g} -j DROP"
        self.exec(f"iptables -I {rule}")
        try:
            yield
        finally:
            self.exec(f"iptables -D {rule}")

    def line(self, *, delay_ms: float = 0, rate: int | None = None, port: int | None = None) -> Line:
        """A relay to one of the node's ports (sshd's) that delays, slows, stalls or cuts; see `lab.line`."""
        return Line(self.address, self.port if port is None else port, delay_ms=delay_ms, rate=rate)

    def _cable(self) -> str:
        """Name of the interface at our end of the node's cable."""
        if os.geteuid() != 0:
            raise LabUnavailableError("only root can make a line bad (tc)")
        number = self.exec("cat /sys/class/net/eth0/iflink").stdout.strip()
        links = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, timeout=10, check=True).stdout
        for line in links.splitlines():
            index, name, *_ = line.split(": ")
            if index == number:
                return name.partition("@")[0]
        raise LabUnavailableError("the engine is not on this machine")

    @contextmanager
    def fill_disk(self, folder: str, leave_mib: int = 0) -> Iterator[None]:
        """Fill a folder that `NodeSpec.disks` has put on a disk of its own, for a while.

        Raises:
            LabError: the folder is not on such a disk: filling it would fill this machine's.
        """
        kind = self.exec(f"stat -f -c %T {folder}").stdout.strip()
        if kind != "tmpfs":
            raise LabError(f"{folder} is not on a disk of its own: name it in NodeSpec.disks")
        ballast = f"{folder}/.lab-ballast"
        self.exec(FILL.format(folder=folder, ballast=ballast, leave=leave_mib))
        try:
            yield
        finally:
            self.exec(f"rm -f {ballast}", check=False)

    @contextmanager
    def fault(self, service: str, **what: Any) -> Iterator[None]:
        """Have ``registry`` or ``hub`` fail this node for a while; see `lab.services.faults.Fault`."""
        with self.lab.fault(service, self.address, **what):
            yield

    def requests(self, service: str) -> list[dict[str, Any]]:
        """What this node has asked of ``registry`` or ``hub``, oldest first."""
        return [asked for asked in self.lab.requests(self.address) if asked["service"] == service]

    def logs(self) -> str:
        """What the machine has written since it was made: its journal, as far as it can be read."""
        return self.exec("journalctl --no-pager --boot --lines 300", check=False).stdout

    def console(self) -> str:
        """What it has written to its console since it was made, with a terminal's line ends; see `NodeSpec.console`."""
        return self.lab.docker.try_("logs", self.name).stdout.decode(errors="replace")

    def remove(self) -> None:
        """Take the machine away, whatever state it is in, with its disk."""
        self.lab.docker.try_("rm", "--force", "--volumes", self.name)


def share_key(first: Node, *others: Node) -> None:
    """Have the key of the first log in to the others, too."""
    public = first.exec("cat /home/ubuntu/.ssh/authorized_keys").stdout
    for other in others:
        other.exec("cat >> /home/ubuntu/.ssh/authorized_keys", stdin=public)


def _tc(verb: str, interface: str, *what: str) -> None:
    command = ["tc", "qdisc", verb, "dev", interface, "root", *what]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    if done.returncode:
        raise LabUnavailableError(f"{' '.join(command)}: {done.stderr.strip()}")
