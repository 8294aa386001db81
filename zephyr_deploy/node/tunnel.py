"""A port of this machine that leads to a port of a node, over SSH, for as long as it is held.

Nothing in the way of a byte polls or waits for company: every socket has TCP_NODELAY, every wait ends with the event.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import struct
import threading
import time
from typing import TYPE_CHECKING, Literal

import paramiko

from zephyr_deploy.errors import ConfigError, CredentialsError, HostKeyError, UnreachableError, ZephyrError
from zephyr_deploy.node.deadline import Deadline

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from typing_extensions import Self

    from zephyr_deploy.node.connection import NodeConnection

State = Literal["connected", "lost", "reconnected"]

LOOPBACK = "127.0.0.1"
WAIT_S = 15.0
GIVE_UP_S = 300.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 5.0
OPEN_S = 10.0
PIECE = 65536
WINDOW = 1 << 21
JOIN_S = 10.0
REFUSED = 2
"""Why a channel is not opened (RFC 4254, 5.1): nothing listens there."""


def _ignore(_state: State, _detail: str) -> None:
    """Nobody asked."""


class Tunnel:
    """Forwards connections to ``127.0.0.1:local_port`` here to ``127.0.0.1:remote_port`` on the node.

    When the SSH connection is lost, it is opened again, with the same pin, after pauses of 0.25 to 5 s; local
    connections that come meanwhile wait for it. Those that were open are closed: their bytes are lost.

    Args:
        connect: Opens the connection; called again after a loss. Its errors at the first start are raised.
        remote_port: Where the service listens on the node's loopback.
        local_port: Where to listen here; 0 takes a free port.
        wait_s: How long a local connection waits for the SSH connection, in seconds, before it is closed.
        give_up_s: How long a lost connection is tried again, in seconds.
        on_state: Told of ``connected``, ``lost`` and ``reconnected`` with a reason; called from threads of the tunnel.
    """

    def __init__(
        self,
        connect: Callable[[], NodeConnection],
        remote_port: int,
        *,
        local_port: int = 0,
        wait_s: float = WAIT_S,
        give_up_s: float = GIVE_UP_S,
        on_state: Callable[[State, str], None] = _ignore,
    ) -> None:
        self.local_port = local_port
        """Where it listens, once it is started."""
        self.remote_port = remote_port
        self._connect, self._on_state = connect, on_state
        self._wait_s, self._give_up_s = wait_s, give_up_s
        self._changed = threading.Condition()
        self._node: NodeConnection | None = None
        self._failure: ZephyrError | None = None
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._flows: set[_Flow] = set()

    def __enter__(self) -> Self:
        """Connect and listen.

        Raises:
            ConfigError: the local port is taken, or may not be used.
            UnreachableError: the node cannot be reached, or shows another key.
            CredentialsError: no key of yours is accepted.
        """
        self._listener = _listen(self.local_port)
        self.local_port = self._listener.getsockname()[1]
        self._wake, self._woken = socket.socketpair()
        try:
            self._node = self._connect()
        except BaseException:
            self._close_sockets()
            raise
        self._on_state("connected", self._node.route.place)
        self._start("zephyr-tunnel-keep", self._keep)
        self._start("zephyr-tunnel-accept", self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every connection, and see that no thread is left."""
        self._stopping.set()
        with self._changed:
            node, self._node = self._node, None
            flows = tuple(self._flows)
            self._changed.notify_all()
        self._wake.send(b".")
        for flow in flows:
            flow.close()
        if node:
            node.close()
        deadline = Deadline(JOIN_S)
        while self._threads:
            self._threads.pop().join(deadline.left())
        self._close_sockets()

    def wait(self, timeout_s: float | None = None) -> None:
        """Hold the tunnel in the foreground, until it ends, the time is over, or Ctrl-C.

        Raises:
            ZephyrError: the connection was lost and could not be made again; says why.
        """
        end = None if timeout_s is None else time.monotonic() + timeout_s
        with self._changed:
            while not self._failure and not self._stopping.is_set():
                left = 1.0 if end is None else min(1.0, end - time.monotonic())
                if left <= 0:
                    return
                self._changed.wait(left)
        if self._failure:
            raise self._failure

    def _start(self, name: str, work: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=work, args=args, name=name, daemon=True)
        self._threads = [one for one in self._threads if one.is_alive()]
        self._threads.append(thread)
        thread.start()

    def _close_sockets(self) -> None:
        for one in (self._listener, self._wake, self._woken):
            one.close()

    # The SSH connection.

    def _keep(self) -> None:
        """Wait for the connection's end, and make it anew."""
        node = self._node
        while node and not self._stopping.is_set():
            with contextlib.suppress(UnreachableError):
                node.transport.join()
            if self._stopping.is_set():
                return
            with self._changed:
                self._node = None
            self._on_state("lost", f"the connection to {node.route.place} was lost")
            node.close()
            node = self._again(node.route.place)

    def _again(self, place: str) -> NodeConnection | None:
        deadline, pause = Deadline(self._give_up_s), FIRST_PAUSE_S
        while not self._stopping.is_set():
            try:
                node = self._connect()
            except (HostKeyError, CredentialsError, ConfigError) as error:
                self._fail(error)
                return None
            except ZephyrError as error:
                if deadline.over:
                    self._fail(error)
                    return None
                self._stopping.wait(deadline.left(pause))
                pause = min(pause * 2, LONGEST_PAUSE_S)
            else:
                return self._connected(node, place)
        return None

    def _connected(self, node: NodeConnection, place: str) -> NodeConnection | None:
        with self._changed:
            stopping = self._stopping.is_set()
            self._node = None if stopping else node
            self._changed.notify_all()
        if stopping:
            node.close()
            return None
        self._on_state("reconnected", place)
        return node

    def _fail(self, error: ZephyrError) -> None:
        with self._changed:
            self._failure = error
            self._changed.notify_all()

    # The local connections.

    def _accept(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while not self._stopping.is_set():
                selector.select()
                if self._stopping.is_set():
                    return
                with contextlib.suppress(OSError):  # the client may be gone already
                    local, _ = self._listener.accept()
                    local.setblocking(True)
                    self._start("zephyr-tunnel-serve", self._serve, local)

    def _serve(self, local: socket.socket) -> None:
        """Carry one connection, to its end."""
        with local:
            local.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            remote = self._open(local)
            if remote is None:
                return
            flow = _Flow(local, remote)
            with self._changed:
                self._flows.add(flow)
                stopping = self._stopping.is_set()
            try:
                if not stopping:
                    flow.carry()
            finally:
                flow.close_remote()  # on a connection that is being lost even this may fail
                with self._changed:
                    self._flows.discard(flow)

    def _open(self, local: socket.socket) -> paramiko.Channel | None:
        """A channel to the service; None if there is none to be had."""
        deadline = Deadline(self._wait_s)
        while node := self._connected_node(deadline):
            try:
                return node.transport.open_channel(
                    "direct-tcpip",
                    (LOOPBACK, self.remote_port),
                    local.getpeername()[:2],
                    window_size=WINDOW,
                    timeout=min(OPEN_S, deadline.left()),
                )
            except paramiko.ChannelException:  # nothing listens there, or forwarding is not allowed
                return None
            except (paramiko.SSHException, EOFError, OSError, UnreachableError):
                self._stopping.wait(deadline.left(FIRST_PAUSE_S))  # lost: the keeper is about to notice it
        return None

    def _connected_node(self, deadline: Deadline) -> NodeConnection | None:
        with self._changed:
            while not (self._node or self._stopping.is_set() or self._failure or deadline.over):
                self._changed.wait(deadline.left())
            return None if deadline.over else self._node


class _Flow:
    """Bytes between a local connection and a channel, both ways; each way ends by itself."""

    def __init__(self, local: socket.socket, remote: paramiko.Channel) -> None:
        self._local, self._remote = local, remote

    def carry(self) -> None:
        """Return when both ways have ended."""
        up = threading.Thread(target=self._up, name="zephyr-tunnel-up", daemon=True)
        up.start()
        try:
            self._down()
        finally:
            up.join()

    def _up(self) -> None:
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            while piece := self._local.recv(PIECE):
                self._remote.sendall(piece)
            self._remote.shutdown_write()
            return
        self.close_remote()  # the way down ends with it, after what has come already

    def _down(self) -> None:
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            while piece := self._remote.recv(PIECE):
                self._local.sendall(piece)
            if self._remote.eof_received:
                self._local.shutdown(socket.SHUT_WR)
            if not self._remote.closed:  # the client may go on sending
                return
        self._abort()

    def _abort(self) -> None:
        """End the way up; a client whose answer was cut gets a reset, lest it take the answer for whole."""
        with contextlib.suppress(OSError):
            if not self._remote.eof_received:
                self._local.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._local.shutdown(socket.SHUT_RD)
        self.close_remote()

    def close(self) -> None:
        """End both ways at once, from another thread."""
        with contextlib.suppress(OSError):
            self._local.shutdown(socket.SHUT_RDWR)
        self.close_remote()

    def close_remote(self) -> None:
        """End the way to the node, as far as there still is one."""
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            self._remote.close()


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
        listener.listen(128)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        hint = "Choose another local port, or 0 for a free one."
        raise ConfigError(f"port {port} of this machine cannot be used: {error.strerror}", hint=hint) from error
    return listener
