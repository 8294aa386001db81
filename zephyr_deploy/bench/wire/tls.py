"""TLS over a socket that somebody else reads, so that each piece of ciphertext can carry the kernel's stamp.

A stamp is that of the TCP segment that completes a TLS record.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    import socket

RECORD = 65536


def client_context() -> ssl.SSLContext:
    """Certificates are verified by what this machine trusts; HTTP/1.1 only."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


class Tls:
    """One TLS session."""

    def __init__(self, context: ssl.SSLContext, host: str) -> None:
        self.ended = False
        """The server has said that nothing more will come."""
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._session = context.wrap_bio(self._in, self._out, server_hostname=host)

    async def handshake(self, sock: socket.socket, loop: asyncio.AbstractEventLoop) -> None:
        """Open the session.

        Raises:
            OSError: no session; `ssl.SSLError` is one.
        """
        while True:
            try:
                self._session.do_handshake()
            except ssl.SSLWantReadError:
                await loop.sock_sendall(sock, self._out.read())
                data = await loop.sock_recv(sock, RECORD)
                if not data:
                    raise ConnectionResetError("closed during the TLS handshake") from None
                self._in.write(data)
            else:
                await loop.sock_sendall(sock, self._out.read())
                return

    def encrypt(self, data: bytes) -> bytes:
        """What to send for ``data``, with what the session itself has to say."""
        rest = memoryview(data)
        while rest:
            rest = rest[self._session.write(rest) :]
        return self._out.read()

    def decrypt(self, data: bytes) -> bytes:
        """What arrived whole; empty where a record is not complete or holds no data.

        Raises:
            ssl.SSLError: what came is no TLS.
        """
        self._in.write(data)
        pieces: list[bytes] = []
        try:
            while piece := self._session.read(RECORD):
                pieces.append(piece)
        except ssl.SSLWantReadError:
            return b"".join(pieces)
        except ssl.SSLZeroReturnError:
            pass
        self.ended = True
        return b"".join(pieces)
