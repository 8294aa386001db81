"""How a test orders faults and reads what was asked: POST and DELETE /faults, GET /requests/ADDRESS."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler

from lab.services.handler import Server


class ControlHandler(BaseHTTPRequestHandler):
    """For tests, not for nodes."""

    server: Server

    def do_POST(self) -> None:
        """``/faults``: put one in force, answer its number."""
        order = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._answer({"number": self.server.book.add(order)})

    def do_DELETE(self) -> None:
        """``/faults/NUMBER``: end one."""
        self.server.book.remove(int(self.path.rpartition("/")[2]))
        self._answer({})

    def do_GET(self) -> None:
        """``/requests/ADDRESS``, or ``/`` for a sign of life."""
        client = self.path.removeprefix("/requests/")
        self._answer(self.server.book.requests(client) if client != self.path else [])

    def _answer(self, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""
