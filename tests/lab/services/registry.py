"""The registry as nodes see it: docker-registry behind faults; read only.

It answers for every name that leads here (ghcr.io, registry-1.docker.io): all share one store.
What it leaves out: tokens (an anonymous pull of a public image asks for one first), rate limits, redirects to a CDN.
"""

from __future__ import annotations

import http.client

from lab.services.handler import Handler

STORE_PORT = 5001
STORE_S = 60.0
PASSED = ("Accept", "Range", "If-None-Match")
HIDDEN = frozenset({"connection", "transfer-encoding", "date", "server"})


class RegistryHandler(Handler):
    """Passes GET and HEAD on to docker-registry."""

    def service(self) -> str:
        """Faults for the registry."""
        return "registry"

    def answer(self) -> None:
        """What docker-registry answers."""
        store = http.client.HTTPConnection("127.0.0.1", STORE_PORT, timeout=STORE_S)
        try:
            store.putrequest(self.command, self.path, skip_accept_encoding=True)
            for name in PASSED:
                for value in self.headers.get_all(name, []):
                    store.putheader(name, value)
            store.endheaders()
            found = store.getresponse()
            headers = {name: value for name, value in found.getheaders() if name.lower() not in HIDDEN}
            if self.command == "HEAD" or "Content-Length" in headers:
                self.begin(found.status, headers)
                if self.command != "HEAD":
                    self.content(found, int(headers["Content-Length"]))
            else:
                self.whole(found.status, found.read(), headers)
        finally:
            store.close()
