"""One request of a node: a fault comes first, then the service's own answer."""

from __future__ import annotations

import socket
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from lab.services.faults import Book, Fault

CHUNK = 256 * 1024
HANG_S = 3600.0


class Server(ThreadingHTTPServer):
    """A server whose handlers share one book of faults."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, handler: type[Handler], book: Book) -> None:
        super().__init__(("", port), handler)
        self.book = book


class Handler(BaseHTTPRequestHandler):
    """Base of the services' handlers: they implement ``answer``."""

    protocol_version = "HTTP/1.1"
    server: Server
    fault: Fault | None = None

    def service(self) -> str:
        """``registry`` or ``hub``: which faults are meant."""
        raise NotImplementedError

    def answer(self) -> None:
        """Answer a request that no status was ordered for."""
        raise NotImplementedError

    def do_GET(self) -> None:
        """Answer a GET or HEAD."""
        client = self.client_address[0]
        self.fault = fault = self.server.book.match(self.service(), client, self.command, self.path)
        if fault is None:
            return self.answer()
        time.sleep(fault.delay_s)
        if fault.hang:
            time.sleep(HANG_S)
        if fault.status is None:
            return self.answer()
        return self.whole(fault.status, fault.body.encode(), fault.headers)

    do_HEAD = do_GET  # noqa: N815 - the name is http.server's

    def whole(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        """A short answer."""
        self.begin(status, {"Content-Length": str(len(body)), **(headers or {})})
        if self.command != "HEAD":
            self.wfile.write(body)

    def begin(self, status: int, headers: dict[str, str]) -> None:
        """Status line and headers."""
        authorized = self.headers.get("Authorization") is not None
        asked = {"client": self.client_address[0], "service": self.service(), "method": self.command}
        self.server.book.note(**asked, path=self.path, status=status, authorized=authorized, at=time.time())
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def content(self, source: BinaryIO, length: int) -> None:
        """``length`` bytes of ``source``, slowly or not wholly where a fault says so."""
        rate, cut = (self.fault.rate, self.fault.cut_after) if self.fault else (None, None)
        wanted = length if cut is None else min(length, cut)
        size = CHUNK if rate is None else max(1, rate // 10)
        while wanted > 0:
            data = source.read(min(size, wanted))
            if not data:
                break
            self.wfile.write(data)
            wanted -= len(data)
            if rate is not None:
                time.sleep(len(data) / rate)
        if cut is not None and cut < length:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_: object) -> None:
        """Nothing: the book has it."""
