"""Connections to one server, kept from request to request: the last one given back is the first one taken."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import Any
from urllib.parse import urlsplit

from zephyr_deploy.bench.sample import Sample
from zephyr_deploy.bench.wire.connection import Connection, Pulse
from zephyr_deploy.bench.wire.loop import be_patient
from zephyr_deploy.bench.wire.stamps import are_stamps_given, ask_for_stamps
from zephyr_deploy.bench.wire.tls import Tls, client_context
from zephyr_deploy.endpoint.faults import CONNECT_S, unreachable
from zephyr_deploy.endpoint.userinfo import without_user
from zephyr_deploy.errors import UsageError

AT_A_TIME = 32
"""Connections that are opened together beforehand; a server's queue for them may be as short as 128."""
Address = tuple[int, int, Any]
"""Family, protocol, and the address in that family's form."""


class Pool:
    """As many connections as are in use at once. The server's name is looked up once, outside of any measurement."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._url = url
        self._host = parts.hostname or ""
        try:
            self._port = parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError as error:
            raise UsageError(
                f"{without_user(url)} is not a URL", hint="Give it as http://host:port or https://host."
            ) from error
        self._context = client_context() if parts.scheme == "https" else None
        self._addresses: list[Address] = []
        self._looking_up = asyncio.Lock()
        self._idle: list[Connection] = []
        self.pulse = Pulse()
        # Kernels begin to stamp when the first socket asks for it, and the very first packets may go without.
        self._keeper = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        ask_for_stamps(self._keeper)
        if are_stamps_given():
            be_patient(asyncio.get_running_loop())

    async def take(self, sample: Sample) -> Connection:
        """An open connection; how long a new one took to set up, TLS included, is written into ``sample``.

        Raises:
            UnreachableError: there is none to be had.
        """
        while self._idle:
            connection = self._idle.pop()
            if connection.open:
                return connection
        try:
            return await asyncio.wait_for(self._connect(sample), CONNECT_S)
        except asyncio.TimeoutError as error:  # its own class until Python 3.11
            raise unreachable(self._url, TimeoutError(f"not open after {CONNECT_S:g} s")) from error
        except (OSError, UnicodeError) as error:  # UnicodeError: such a name cannot be looked up
            raise unreachable(self._url, error) from error

    async def ready(self, unused: int) -> None:
        """Have at least so many open connections that nobody uses; one that cannot be had shows when it is needed."""
        lacking = unused - sum(connection.open for connection in self._idle)
        while lacking > 0:
            attempts = (self._spare() for _ in range(min(lacking, AT_A_TIME)))
            found = await asyncio.gather(*attempts, return_exceptions=True)
            if any(found):
                return
            lacking -= len(found)

    def give(self, connection: Connection) -> None:
        """Keep it for the next request, if it can take one."""
        if connection.open:
            self._idle.append(connection)

    def close(self) -> None:
        """Close what is not in use; what is, closes itself when it is cancelled."""
        for connection in self._idle:
            connection.close()
        self._idle.clear()
        self._keeper.close()

    async def _spare(self) -> None:
        connection = await asyncio.wait_for(self._connect(Sample(0)), CONNECT_S)
        self._idle.insert(0, connection)  # those that are used go on being used

    async def _connect(self, sample: Sample) -> Connection:
        """Try the server's addresses one after the other; the one that answered is the first from then on."""
        loop = asyncio.get_running_loop()
        async with self._looking_up:
            if not self._addresses:
                found = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
                self._addresses = [(family, protocol, address) for family, _, protocol, _, address in found]
        failure: OSError = OSError("no address")
        for address in tuple(self._addresses):
            began = time.perf_counter_ns()
            try:
                connection = await self._open(address, loop)
            except OSError as error:
                failure = error
                continue
            sample.connect_ns = time.perf_counter_ns() - began
            self._addresses.sort(key=lambda other: other != address)
            return connection
        raise failure

    async def _open(self, address: Address, loop: asyncio.AbstractEventLoop) -> Connection:
        family, protocol, where = address
        sock = socket.socket(family, socket.SOCK_STREAM, protocol)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            ask_for_stamps(sock)
            await loop.sock_connect(sock, where)
            tls = Tls(self._context, self._host) if self._context else None
            if tls is not None:
                await tls.handshake(sock, loop)
        except BaseException:  # a cancelled attempt leaves no socket either
            sock.close()
            raise
        return Connection(sock, tls, self.pulse, loop)
