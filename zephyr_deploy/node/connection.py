"""An open, pinned SSH connection to one machine. Loads paramiko: import it where it is used."""

from __future__ import annotations

import logging
import socket
import threading
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

import paramiko

from zephyr_deploy.errors import DeadlineError, HostKeyError, UnreachableError
from zephyr_deploy.node.deadline import Deadline
from zephyr_deploy.node.dial import dial
from zephyr_deploy.node.hostkeys import HostKeys, JumpKeys
from zephyr_deploy.node.knownhosts import HostKey
from zephyr_deploy.node.lines import Lines, Result
from zephyr_deploy.node.login import Login

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    import fabric
    from typing_extensions import Self

    from zephyr_deploy.node.hostkeys import Verifier
    from zephyr_deploy.node.lines import Signs
    from zephyr_deploy.node.route import Route

CONNECT_S = 20.0
KEEPALIVE_S = 10
JOIN_S = 5.0
FAMILIES = (("ssh-ed25519",), ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"), ("ssh-rsa",))
"""Kinds of host keys, by the names that they have in `HostKey.type`."""
SIGNATURES = {"ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256")}
"""What a key type is called where algorithms are agreed upon, if not by its own name."""

# What paramiko logs without a handler would be printed, tracebacks and all; every failure here becomes an error.
logging.getLogger("paramiko").addHandler(logging.NullHandler())


class NodeConnection:
    """An open connection; make it with `open`, use it as a context manager."""

    def __init__(self, route: Route, client: paramiko.SSHClient, held: ExitStack) -> None:
        self.route = route
        self.client = client
        """paramiko's client, for this package alone."""
        self._held = held

    @classmethod
    def open(cls, route: Route, keys: HostKeys, *, deadline_s: float = CONNECT_S) -> Self:
        """Connect, check the host key, log in.

        Args:
            route: The way there; see `zephyr_deploy.node.route.resolve`.
            keys: Which host key is right. Those of jump hosts must stand in the files of ``keys.trust.known``.
            deadline_s: How long all of it may take, in seconds.

        Raises:
            HostKeyError: the machine shows another key than it should, or one that nobody knows.
            CredentialsError: no key of yours is accepted.
            UnreachableError: the machine cannot be reached, or does not speak SSH.
            ConfigError: the pin cannot be written.
        """
        deadline = Deadline(deadline_s)
        with ExitStack() as stack:
            client = _reach(route, keys, deadline, stack)
            return cls(route, client, stack.pop_all())

    def run(
        self,
        command: str,
        stdin: bytes = b"",
        *,
        deadline_s: float,
        idle_s: float | None = None,
        what: str = "a command",
        on_line: Callable[[str], None] | None = None,
    ) -> Result:
        """Run ``command`` in the user's shell there, to its end, whatever its exit status.

        Args:
            command: No secret: others on the machine can read it. Secrets go into ``stdin``.
            stdin: What it reads; of any size.
            deadline_s: How long it may take, in seconds.
            idle_s: How long it may say nothing, in seconds.
            what: What it is, for messages.
            on_line: Called with every line of its standard output as it comes.

        Raises:
            DeadlineError: it took too long, or was silent for too long.
            UnreachableError: the connection was lost.
        """
        out = []
        with self.lines(command, stdin, deadline_s=deadline_s, idle_s=idle_s, what=what) as lines:
            for line in lines:
                out.append(line + "\n")
                if on_line:
                    on_line(line)
        assert lines.rc is not None  # noqa: S101 - it is set when the lines end
        return Result(lines.rc, "".join(out), lines.stderr)

    def lines(
        self,
        command: str,
        stdin: bytes = b"",
        *,
        deadline_s: float,
        idle_s: float | None = None,
        what: str = "a command",
        signs: Signs | None = None,
    ) -> Lines:
        """Start ``command`` and read its lines as they come; the arguments are those of `run`.

        With ``signs`` its input does not end with ``stdin``, but with them.

        Raises:
            DeadlineError: it was not even started in that time, or nothing was heard of it for ``idle_s``.
            UnreachableError: the connection was lost.
        """
        deadline = Deadline(deadline_s)
        start = Deadline(min(deadline_s, idle_s or deadline_s))
        try:
            channel = self.transport.open_session(timeout=start.left())
            with _closed_when_over(channel, start):
                channel.exec_command(command)
        except (paramiko.SSHException, EOFError, OSError) as error:
            if start.over:
                message = f"{what} could not be started on {self.route.place} within {start.seconds:g} s"
                hint = "The machine, or the way to it, may be down; try again."
                raise DeadlineError(message, hint=hint, details={"silent_s": start.seconds}) from error
            message = f"{what} could not be started on {self.route.place}: {error or 'the connection was lost'}"
            raise UnreachableError(message, hint="Try again; if it stays so, look at sshd's log there.") from error
        return Lines(channel, stdin, place=self.route.place, what=what, deadline=deadline, idle_s=idle_s, signs=signs)

    @property
    def transport(self) -> paramiko.Transport:
        """The transport of paramiko, for this package alone.

        Raises:
            UnreachableError: the connection was lost or closed.
        """
        transport = self.client.get_transport()
        if transport is None or not transport.is_active():
            raise UnreachableError(f"the connection to {self.route.place} was lost", hint="Try again.")
        return transport

    @property
    def host_key(self) -> HostKey:
        """The key that the machine has shown, and that was found right.

        Raises:
            UnreachableError: the connection was lost or closed.
        """
        key = self.transport.get_remote_server_key()
        return HostKey(type=key.get_name(), base64=key.get_base64())

    @property
    def alive(self) -> bool:
        """Whether the connection is not known to be lost."""
        transport = self.client.get_transport()
        return transport is not None and transport.is_active()

    def fabric(self) -> fabric.Connection:
        """Fabric's view of this same connection, for its ``put``, ``get`` and ``shell``; pinned like all of it.

        Never give its ``run`` an ``in_stream``: that sends one character in 10 ms. Use `run`.
        """
        import fabric

        config = fabric.Config(overrides={"load_ssh_configs": False}, lazy=True)
        view = fabric.Connection(self.route.host, user=self.route.user, port=self.route.port, config=config)
        # Its own client would accept any key: neither is it used, nor could ours do so, should Fabric connect again.
        view.client = self.client
        view.transport = self.transport
        return view

    def close(self) -> None:
        """Close it, and all that leads to it."""
        self._held.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Policy:
    """Asks a verifier about every key: the client itself is given none to know, so it always asks."""

    def __init__(self, route: Route, verifier: Verifier) -> None:
        self._route, self._verifier = route, verifier

    def missing_host_key(self, _client: paramiko.SSHClient, _name: str, key: paramiko.PKey) -> None:
        """Return if the key is right."""
        self._verifier.check(self._route, HostKey(type=key.get_name(), base64=key.get_base64()))


def _reach(route: Route, verifier: Verifier, deadline: Deadline, stack: ExitStack) -> paramiko.SSHClient:
    """Connect to a machine, through those before it."""
    through = None
    if route.jump:
        through = _reach(route.jump, JumpKeys(verifier.trust), deadline, stack)
    try:
        return _connect(route, verifier, deadline, stack, through=through)
    except HostKeyError as error:
        # The user may name any of a machine's keys, and it shows one at a time.
        if not verifier.trust.fingerprint or isinstance(verifier, JumpKeys):
            raise
        for family in FAMILIES:
            if error.details.get("key_type") not in family:
                with suppress(HostKeyError, UnreachableError):
                    return _connect(route, verifier, deadline, stack, through=through, only=family)
        raise


def _connect(
    route: Route,
    verifier: Verifier,
    deadline: Deadline,
    stack: ExitStack,
    *,
    through: paramiko.SSHClient | None,
    only: tuple[str, ...] = (),
) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(_Policy(route, verifier))
    with ExitStack() as held:
        line = _through(route, through, deadline) if through else None
        if line is None:
            straight = dial(route, deadline)
            held.callback(straight.close)
            line = straight.socket
        held.callback(_close, client, line)

        def transport(sock: socket.socket, **options: object) -> paramiko.Transport:
            return _transport(sock, only or verifier.preferred(route), deadline, exactly=bool(only), **options)

        try:
            client.connect(
                route.host,
                route.port,
                username=route.user,
                sock=line,
                timeout=deadline.left(),
                transport_factory=transport,
                auth_strategy=Login(route, deadline),
            )
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise _no_ssh(route, error, deadline) from error
        client.get_transport().set_keepalive(KEEPALIVE_S)
        stack.push(held.pop_all())
    return client


def _transport(
    sock: socket.socket, types: tuple[str, ...], deadline: Deadline, *, exactly: bool, **options: object
) -> paramiko.Transport:
    """A transport that asks for these types of host keys first, or for no others, and waits no longer than it may."""
    transport = paramiko.Transport(sock, **options)
    security = transport.get_security_options()
    wanted = [name for kind in types for name in SIGNATURES.get(kind, (kind,)) if name in security.key_types]
    rest = () if exactly else tuple(name for name in security.key_types if name not in wanted)
    security.key_types = (*wanted, *rest)
    left = max(0.1, deadline.left())
    transport.banner_timeout = transport.handshake_timeout = transport.auth_timeout = left
    return transport


def _through(route: Route, jump: paramiko.SSHClient, deadline: Deadline) -> paramiko.Channel:
    try:
        return jump.get_transport().open_channel(
            "direct-tcpip", (route.host, route.port), ("127.0.0.1", 0), timeout=deadline.left()
        )
    except (paramiko.SSHException, EOFError, OSError) as error:
        by = route.jump.place if route.jump else "the jump host"
        why = error.text if isinstance(error, paramiko.ChannelException) else error
        hint = f"Can it reach the machine, and does its sshd allow TCP forwarding? Try: ssh -J {by} {route.place}"
        raise UnreachableError(f"{by} cannot connect to {route.place}: {why}", hint=hint) from error


def _no_ssh(route: Route, error: Exception, deadline: Deadline) -> UnreachableError:
    if deadline.over:
        message = f"{route.place} did not finish the SSH handshake within {deadline.seconds:g} s"
        return UnreachableError(message, hint="The machine may be starting or overloaded; try again.")
    hint = f"Is that an SSH server? Try: ssh -v -p {route.port} {route.user}@{route.host}"
    why = str(error) or "it closed the connection"
    return UnreachableError(f"no SSH connection to {route.place} could be made: {why}", hint=hint)


@contextmanager
def _closed_when_over(channel: paramiko.Channel, deadline: Deadline) -> Iterator[None]:
    """Bound what paramiko waits for without end: the answer to a request."""
    timer = threading.Timer(deadline.left(), channel.close)
    timer.name = "zephyr-node-timer"
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _close(client: paramiko.SSHClient, line: socket.socket | paramiko.Channel) -> None:
    # Its thread looks up every 0.1 s; the end of its stream wakes it at once.
    with suppress(OSError, EOFError, paramiko.SSHException):
        line.shutdown(socket.SHUT_RDWR)
    transport = client.get_transport()
    client.close()
    if transport is not None:
        transport.join(JOIN_S)
