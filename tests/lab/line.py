"""A bad line in user space: a relay on this machine's loopback that delays, slows or cuts what goes through.

Unlike `Node.netem` it needs no root and no kernel module, but it is a relay: it stands at an address of its own, and
it delays bytes of a connection, not packets. What it leaves out: loss, reordering, anything but TCP.
"""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

CHUNK = 16 * 1024
CONNECT_S = 10.0
POLL_S = 0.05
ON_THE_WAY = 256
"""Most pieces that are on their way at once, in each direction."""


class Line:
    """A relay to ``address:port``; a context manager. ``host`` and ``port`` are where to connect instead."""

    host = "127.0.0.1"

    def __init__(self, address: str, port: int, *, delay_ms: float = 0, rate: int | None = None) -> None:
        """Make a line.

        Args:
            address: Whom it leads to.
            port: Which port there.
            delay_ms: Milliseconds that every piece takes, in each direction.
            rate: Bytes a second of each connection, in each direction.
        """
        self._target = (address, port)
        self._delay_s = delay_ms / 1000
        self._rate = rate
        self._listener = socket.create_server((self.host, 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._down = threading.Event()
        self._closed = threading.Event()

    def __enter__(self) -> Line:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed.set()
        self._listener.close()
        self.cut()

    def cut(self) -> None:
        """Break every connection; new ones go through."""
        for connection in tuple(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def stall(self) -> None:
        """Let nothing through any more, and keep everything open."""
        self._down.set()

    def resume(self) -> None:
        """Let everything through again, what has waited first."""
        self._down.clear()

    def _accept(self) -> None:
        while not self._closed.is_set():
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._connect, args=(near,), daemon=True).start()

    def _connect(self, near: socket.socket) -> None:
        try:
            far = socket.create_connection(self._target, timeout=CONNECT_S)
        except OSError:
            near.close()
            return
        far.settimeout(None)
        for end in (near, far):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # small pieces wait for no acknowledgement
        self._open |= {near, far}
        back = threading.Thread(target=self._pass, args=(far, near), daemon=True)
        back.start()
        self._pass(near, far)
        back.join()
        self._open -= {near, far}
        near.close()
        far.close()

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        """Read, and have another thread write each piece when its time has come: pieces are on their way together."""
        pieces: queue.Queue[tuple[float, bytes]] = queue.Queue(ON_THE_WAY)
        writer = threading.Thread(target=self._deliver, args=(pieces, target), daemon=True)
        writer.start()
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK):
                time.sleep(len(data) / self._rate if self._rate else 0)
                pieces.put((time.monotonic() + self._delay_s, data))
        pieces.put((0.0, b""))
        writer.join()

    def _deliver(self, pieces: queue.Queue[tuple[float, bytes]], target: socket.socket) -> None:
        broken = False
        while (piece := pieces.get())[1]:
            due, data = piece
            time.sleep(max(0.0, due - time.monotonic()))
            while self._down.is_set() and not self._closed.is_set():
                time.sleep(POLL_S)
            try:
                if not broken:
                    target.sendall(data)
            except OSError:
                broken = True  # the rest is thrown away, so that the reader is not held up
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)
