"""One connection: requests go out, answers are read and kept with their stamps."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from zephyr_deploy.bench.load.clock import hold
from zephyr_deploy.bench.wire.framing import Framing
from zephyr_deploy.bench.wire.loop import end, leave, watch
from zephyr_deploy.bench.wire.rtt import rtt_ns
from zephyr_deploy.bench.wire.stamps import CONTROL_ROOM
from zephyr_deploy.endpoint.faults import cut
from zephyr_deploy.errors import RequestError

if TYPE_CHECKING:
    import asyncio
    import socket

    from zephyr_deploy.bench.sample import Sample
    from zephyr_deploy.bench.wire.recording import Recording
    from zephyr_deploy.bench.wire.tls import Tls

READ = 65536
"""Most bytes of one read. Python cuts the block to what came; cutting far larger ones leaves each kept read a mapping
of its own, of which a process may have 65,530."""
SMALL_READ = 512 - sys.getsizeof(b"")
"""What an event fits into as a rule. Up to 512 bytes Python has memory of its own (pymalloc), which costs less than
the system's, and lies close together; a read that fills it is followed by larger ones."""


class Pulse:
    """Counts the reads of all connections: who works only when no socket has anything sees by it that none had."""

    __slots__ = ("reads",)

    def __init__(self) -> None:
        self.reads = 0


class Connection:
    """A connected socket that takes one request at a time; it watches itself between them as well."""

    def __init__(self, sock: socket.socket, tls: Tls | None, pulse: Pulse, loop: asyncio.AbstractEventLoop) -> None:
        self._sock, self._tls, self._pulse, self._loop = sock, tls, pulse, loop
        self._recording: Recording | None = None
        self._framing = Framing()
        self._room = READ
        self._over: asyncio.Future[None] = loop.create_future()
        self.open = True
        watch(loop, sock, self._readable)

    async def exchange(self, request: bytes, recording: Recording, sample: Sample) -> None:
        """Send ``request`` and read its answer into ``recording``; a broken connection is written down there.

        What is asked for before it is due is made by then, and sent on time.

        Whoever is cancelled meanwhile leaves a closed connection.
        """
        self._framing, self._over = Framing(), self._loop.create_future()
        self._room = SMALL_READ if self._tls is None else READ
        data = self._tls.encrypt(request) if self._tls else request
        self._recording = recording
        try:
            hold(sample.due_ns)
            sample.sent_ns = time.perf_counter_ns()
            await self._send(data)
            await self._over
        finally:
            if not self._over.done() or self._over.cancelled():
                self.close()
            elif self.open:
                sample.rtt_ns = rtt_ns(self._sock)

    def close(self) -> None:
        """End the connection and with it whatever it is at."""
        if self.open:
            self.open = False
            leave(self._loop, self._sock)
            self._sock.close()
        self._recording = None

    async def _send(self, data: bytes) -> None:
        """A server that hangs up before it has taken the whole request may have said why: what came is read on."""
        try:
            try:
                sent = self._sock.send(data)
            except BlockingIOError:
                sent = 0
            if sent < len(data):
                await self._loop.sock_sendall(self._sock, memoryview(data)[sent:])
        except OSError as error:
            self._room = READ
            if self._recording is not None:
                self._readable()
            if self._recording is not None:
                self._end(error)

    def _readable(self) -> None:
        """The read path: read, keep, and see whether that was the end."""
        tls, recording = self._tls, self._recording
        try:
            data, control, _, _ = self._sock.recvmsg(self._room, CONTROL_ROOM)
            now = time.perf_counter_ns()
            self._pulse.reads += 1
            if tls is not None and data and not (data := tls.decrypt(data)) and not tls.ended:
                return
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._end(error)
            return
        if data and recording is not None:
            recording.add(now, control, data)
            if not data.endswith(self._framing.inside) and self._is_whole(recording, len(data)):
                self._end(None)
                return
            if tls is None or not tls.ended:
                return
        self._closed()

    def _closed(self) -> None:
        """The server ends the connection, or says what nobody has asked for."""
        if self._recording is None:
            self.close()
        else:
            self._end(None if self._framing.until_close else EOFError("no more data"))

    def _is_whole(self, recording: Recording, came: int) -> bool:
        """Whether the answer is over; where a read filled its room, more of it comes at a time."""
        if came == self._room:
            self._room = READ
        return self._framing.follow(recording.reads)

    def _end(self, error: Exception | None) -> None:
        """The answer is over; a connection that cannot take another request is closed."""
        recording, self._recording = self._recording, None
        if recording is not None and error is not None:
            recording.failure = cut(error)
        elif recording is not None and self._framing.broken:
            recording.failure = RequestError("the answer is not HTTP/1.1", error_type="broken")
        if error is not None or not self._framing.reusable:
            self.close()
        end(self._loop, self._over)
