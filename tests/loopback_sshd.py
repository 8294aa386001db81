"""A real sshd on 127.0.0.1 with throw-away keys, and a proxy that makes the way to it slow, cut or silent."""

from __future__ import annotations

import getpass
import os
import queue
import shutil
import signal
import socket
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from zephyr_deploy.node import HostKey, NodeAddress, Route, resolve

START_S = 10


def make_key(path: Path, kind: str = "ed25519", passphrase: str = "", bits: int | None = None) -> Path:
    """A private key at ``path``, with its public half beside it."""
    size = ["-b", str(bits)] if bits else []
    subprocess.run(
        ["ssh-keygen", "-q", "-t", kind, *size, "-N", passphrase, "-C", path.name, "-f", str(path)], check=True
    )
    return path


def public(path: Path) -> str:
    return path.with_name(path.name + ".pub").read_text()


class Sshd:
    """One server; give it a key of its own, or that of another to be that machine's twin."""

    def __init__(self, folder: Path, authorized: list[Path], host_keys: list[Path], extra: str = "", port: int = 0):
        binary = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
        if binary is None:
            pytest.skip("there is no sshd on this machine")
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # else sshd does not start as root
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.host_keys, self._binary = folder, host_keys, binary
        self.log = folder / "log"
        self.user_key = authorized[0]
        (folder / "authorized_keys").write_text("".join(map(public, authorized)))
        self._extra = extra
        self.port = port
        self.start()

    def start(self):
        for _ in range(5):
            self.port = self.port or free_port()
            if self._start():
                return
        raise AssertionError(self.log.read_text())

    def _start(self) -> bool:
        config = self.folder / "sshd_config"
        keys = "".join(f"HostKey {key}\n" for key in self.host_keys)
        config.write_text(
            f"{self._extra}ListenAddress 127.0.0.1\nPort {self.port}\n{keys}"
            f"AuthorizedKeysFile {self.folder}/authorized_keys\n"
            "PasswordAuthentication no\nKbdInteractiveAuthentication no\nStrictModes no\nUsePAM no\nPidFile none\n"
            "PermitRootLogin yes\nSubsystem sftp internal-sftp\nMaxStartups 100\n"
        )
        before = self.log.read_text() if self.log.exists() else ""
        with self.log.open("a") as log:
            self.process = subprocess.Popen([self._binary, "-D", "-e", "-f", str(config)], stderr=log)
        end = time.monotonic() + START_S
        while time.monotonic() < end and self.process.poll() is None:
            if f"port {self.port}." in self.log.read_text()[len(before) :]:
                return True
            time.sleep(0.01)
        return False

    @property
    def host_key(self) -> HostKey:
        return HostKey.parse(public(self.host_keys[0]))

    def kill_connections(self) -> int:
        """End every connection as a crash would; the server stays."""
        killed = self._kill_connections()
        psutil.wait_procs(killed, timeout=5)
        return len(killed)

    def _kill_connections(self) -> list[psutil.Process]:
        children = psutil.Process(self.process.pid).children(recursive=True)
        for child in children:
            with suppress(psutil.NoSuchProcess):
                child.kill()
        return children

    def stop(self):
        """End the server, and its connections; none is taken in between."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGSTOP)
            self._kill_connections()
            self.process.kill()
            self.process.wait(10)

    def route(self, identity: Path | None, config: Path) -> Route:
        return resolve(
            NodeAddress(host="127.0.0.1", port=self.port, user=getpass.getuser(), identity=identity), config=config
        )


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Proxy:
    """Carries TCP to ``port``, every byte ``delay_s`` late each way; can fall silent, or cut.

    It has no bandwidth limit, no loss and no handshake delay beyond what its threads need.
    """

    def __init__(self, port: int, delay_s: float = 0):
        self._target, self._delay = port, delay_s
        self._sockets: list[socket.socket] = []
        self._open = threading.Event()
        self._open.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._open.set()
        self._listener.close()
        self.cut()

    def freeze(self):
        """Carry nothing more, and say nothing."""
        self._open.clear()

    def cut(self):
        for one in self._sockets:
            one.close()
        self._sockets.clear()

    def _accept(self):
        while True:
            try:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                return
            for one in (near, far):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets += [near, far]
            for source, sink in ((near, far), (far, near)):
                pieces: queue.Queue = queue.Queue()
                threading.Thread(target=self._read, args=(source, pieces), daemon=True).start()
                threading.Thread(target=self._write, args=(sink, pieces), daemon=True).start()

    def _read(self, source, pieces):
        try:
            while piece := source.recv(65536):
                pieces.put((time.monotonic() + self._delay, piece))
        except OSError:
            pass
        pieces.put((time.monotonic() + self._delay, b""))

    def _write(self, sink, pieces):
        try:
            while True:
                due, piece = pieces.get()
                time.sleep(max(0, due - time.monotonic()))
                self._open.wait()
                if not piece:
                    sink.shutdown(socket.SHUT_WR)
                    return
                sink.sendall(piece)
        except OSError:
            return
