"""Who is told: a real HTTP server of the standard library that keeps what it was sent, and misbehaves as it is told."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

PATH = "/services/T0/B0/sekret-5f0c1d9e7a33"
SECRET = "sekret-5f0c1d9e7a33"
HANGS, DRIPS, CUTS = "hangs", "drips", "cuts"


class Receiver(ThreadingHTTPServer):
    """Answers each request with the next of its answers, and with the last for ever."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, *answers) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = list(answers) or [200]
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.over = threading.Event()
        self.scheme = "http"

    @property
    def address(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_address[1]}{PATH}"

    @property
    def bodies(self):
        return [json.loads(body) for _headers, body in self.got]

    def handle_error(self, request, client_address) -> None:
        """A client that gave up is what is tested here."""


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server = self.server
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server.got.append(({name.lower(): value for name, value in self.headers.items()} | {"path": self.path}, body))
        answer = server.answers.pop(0) if len(server.answers) > 1 else server.answers[0]
        if answer == HANGS:
            server.over.wait(60)
        elif answer == DRIPS:
            while not server.over.wait(0.05):
                self.wfile.write(b"H")
        elif answer == CUTS:
            self.close_connection = True
        else:
            status, headers = answer if isinstance(answer, tuple) else (answer, {})
            self.send_response(status)
            for name, value in {"Content-Length": "2", **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"ok")

    def log_message(self, *_arguments) -> None:
        """Nothing."""


@contextmanager
def receiving(*answers, tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """One that runs while the body does."""
    server = Receiver(*answers)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
        server.scheme = "https"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        server.server_close()
        thread.join(10)
