"""One command on a node: its input, its lines as they come, and its end."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from paramiko import SSHException

from zephyr_deploy.errors import DeadlineError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from paramiko import Channel
    from typing_extensions import Self

    from zephyr_deploy.node.deadline import Deadline

PIECE = 65536
KEPT = 65536
"""How many bytes of standard error are kept, counted from its end."""
TICK_S = 1.0
LINGER_S = 2.0
"""How long output is waited for after the command has ended, in seconds: something that it left running may hold it."""
JOIN_S = 5.0
BY_SIGNAL = -1
SIGN = b"\n"


class Result(NamedTuple):
    """What became of a command."""

    rc: int
    """Its exit status; -1 if a signal ended it."""
    stdout: str
    stderr: str
    """The last 64 KiB of it."""


class Signs:
    """Signs of life for a command that lives as long as its caller does: a line now and then, until `end`."""

    def __init__(self, every_s: float) -> None:
        self.every_s = every_s
        self._over = threading.Event()

    def end(self) -> None:
        """Give none any more: the command's input ends."""
        self._over.set()

    def another(self) -> bool:
        """Wait for the time of the next; whether there is to be one."""
        return not self._over.wait(self.every_s)


class Lines:
    """A command that runs on a node; iterate over it for the lines of its standard output.

    Leave the ``with`` block at any time: the channel is closed then, and what the command writes next fails (EPIPE).
    After the last line, ``rc`` and ``stderr`` are set.
    """

    def __init__(
        self,
        channel: Channel,
        stdin: bytes,
        *,
        place: str,
        what: str,
        deadline: Deadline,
        idle_s: float | None,
        signs: Signs | None = None,
    ) -> None:
        self.rc: int | None = None
        """The exit status; -1 if a signal ended the command, None before its end."""
        self._channel = channel
        self._place, self._what = place, what
        self._deadline, self._idle_s = deadline, idle_s
        self._signs = signs
        self._heard = time.monotonic()
        self._stderr = bytearray()
        # Both streams and the input move at once: a full window of one must not stop the others.
        self._helpers = [
            threading.Thread(target=self._write, args=(stdin,), name="zephyr-node-stdin", daemon=True),
            threading.Thread(target=self._read_errors, name="zephyr-node-stderr", daemon=True),
        ]
        for helper in self._helpers:
            helper.start()

    @property
    def stderr(self) -> str:
        """The end of standard error, as far as it has come."""
        return self._stderr.decode(errors="replace")

    def __iter__(self) -> Iterator[str]:
        """Every line as it comes, without its end.

        Raises:
            DeadlineError: the time is over, or nothing was heard for too long.
            UnreachableError: the connection was lost.
        """
        rest = b""
        try:
            for piece in self._pieces():
                *lines, rest = (rest + piece).split(b"\n")
                yield from (line.decode(errors="replace") for line in lines)
            self.rc = self._status()
            if rest:
                yield rest.decode(errors="replace")
        finally:
            self.close()

    def close(self) -> None:
        """Close the channel; the command learns of it when it reads or writes."""
        if self._signs is not None:
            self._signs.end()
        with suppress(OSError, EOFError, SSHException):
            self._channel.close()
        for helper in self._helpers:
            if helper is not threading.current_thread():
                helper.join(JOIN_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _pieces(self) -> Iterator[bytes]:
        while True:
            self._channel.settimeout(min(TICK_S, max(0.01, self._wait_s())))
            try:
                piece = self._channel.recv(PIECE)
            except TimeoutError:
                if self._ended_but_held():
                    return
                self._check()
                continue
            except (OSError, EOFError, SSHException) as error:
                raise self._lost() from error
            if not piece:
                return
            self._heard = time.monotonic()
            yield piece

    def _wait_s(self) -> float:
        idle = self._heard + self._idle_s - time.monotonic() if self._idle_s else TICK_S
        return min(idle, self._deadline.left())

    def _check(self) -> None:
        if self._deadline.over:
            message = f"{self._what} on {self._place} did not end within {self._deadline.seconds:g} s"
            raise DeadlineError(message, hint="Give it more time, or log in to the machine and look.")
        if self._idle_s and time.monotonic() - self._heard >= self._idle_s:
            message = f"{self._what} on {self._place} said nothing for {self._idle_s:g} s"
            hint = "The machine, or the way to it, may be down; log in and look."
            raise DeadlineError(message, hint=hint, details={"silent_s": self._idle_s})

    def _ended_but_held(self) -> bool:
        return self._channel.exit_status >= 0 and time.monotonic() - self._heard >= LINGER_S

    def _status(self) -> int:
        """The exit status. Without one, a stream that was ended properly tells a signal from a lost connection."""
        self._channel.status_event.wait(self._deadline.left(JOIN_S))
        status: int = self._channel.exit_status
        if status >= 0:
            return status
        transport = self._channel.get_transport()
        if not self._channel.eof_received or not transport.is_active():
            raise self._lost()
        return BY_SIGNAL

    def _lost(self) -> UnreachableError:
        message = f"the connection to {self._place} was lost during {self._what}"
        return UnreachableError(message, hint="Run the same command again: what was done already is not done twice.")

    def _write(self, data: bytes) -> None:
        """Send the input, however slowly it is taken; a command that does not want it has its reasons."""
        with suppress(OSError, EOFError, SSHException):
            self._send(data)
            while self._signs is not None and not self._channel.closed and self._signs.another():
                self._send(SIGN)
            self._channel.shutdown_write()

    def _send(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest and not self._channel.closed:
            with suppress(TimeoutError):
                rest = rest[self._channel.send(rest[:PIECE]) :]

    def _read_errors(self) -> None:
        with suppress(OSError, EOFError, SSHException):
            while True:
                try:
                    piece = self._channel.recv_stderr(PIECE)
                except TimeoutError:
                    if self._channel.closed:
                        return
                    continue
                if not piece:
                    return
                self._heard = time.monotonic()
                self._stderr += piece
                del self._stderr[:-KEPT]
