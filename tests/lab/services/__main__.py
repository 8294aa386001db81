"""Starts everything in the services' container, and ends when a part of it ends."""

from __future__ import annotations

import ssl
import subprocess
import threading

from lab.services.control import ControlHandler
from lab.services.faults import Book
from lab.services.handler import Server
from lab.services.hub import HubHandler, repositories
from lab.services.registry import RegistryHandler

HUB_PORT, REGISTRY_PORT, CONTROL_PORT = 80, 443, 9000


def main() -> int:
    """Serve until docker-registry ends; its exit code."""
    book = Book()
    repositories()
    store = subprocess.Popen(["docker-registry", "serve", "/etc/lab/registry.yml"])
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain("/etc/lab/tls/cert.pem", "/etc/lab/tls/key.pem")
    hub = Server(HUB_PORT, HubHandler, book)
    registry = TlsServer(REGISTRY_PORT, RegistryHandler, book)
    registry.tls = tls
    control = Server(CONTROL_PORT, ControlHandler, book)  # type: ignore[arg-type]
    for server in (hub, registry, control):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    return store.wait()


class TlsServer(Server):
    """A server whose threads do the handshake, so that a client that stops there holds up nobody."""

    tls: ssl.SSLContext

    def finish_request(self, request, client_address):
        """Wrap the connection, then answer on it."""
        try:
            secured = self.tls.wrap_socket(request, server_side=True)
        except OSError:
            return
        with secured:
            super().finish_request(secured, client_address)


if __name__ == "__main__":
    raise SystemExit(main())
