"""The lab's stand-in for the hub (tests/lab/services/hub.py), in this process, with repositories of a test's own.

It leaves out what that one does: Xet, private repositories, branches other than main, uploads, rate limits.
"""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.services import hub as services
from lab.services.faults import Book
from lab.services.handler import Server

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import pytest

HERE = "127.0.0.1"


class _Server(Server):
    def handle_error(self, request, client_address) -> None:
        """Who has read enough breaks off: nothing to tell."""


class Hub:
    """A hub with whatever a test puts there."""

    def __init__(self, root: Path) -> None:
        self.root, self.book = root, Book()
        self._repositories: dict[str, dict[str, object]] = {}
        self._write()
        self.server = _Server(0, services.HubHandler, self.book)

    @property
    def url(self) -> str:
        return f"http://{HERE}:{self.server.server_port}"

    def put(self, repository: str, files: Mapping[str, bytes | Mapping[str, object]], *, gated: bool = False) -> None:
        """Put a repository there, in place of one that was there."""
        for name, content in files.items():
            path = self.root / repository / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        self._repositories[repository] = {"gated": gated, "files": {name: f"{repository}/{name}" for name in files}}
        self._write()

    def _write(self) -> None:
        (self.root / "repositories.json").write_text(json.dumps(self._repositories))
        services.repositories.cache_clear()
        services._hashes.cache_clear()

    def commit(self, repository: str) -> str:
        return services.repositories()[repository.lower()].commit

    def fault(self, **order: object) -> int:
        """See `lab.services.faults.Fault`."""
        return self.book.add({"service": "hub", **order})

    @property
    def asked(self) -> list[str]:
        """Paths, oldest first."""
        return [str(request["path"]) for request in self.book.requests(HERE)]


@contextmanager
def running(root: Path, patch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub that answers; every file of a kilobyte is a large one to it."""
    patch.setattr(services, "ROOT", root)
    patch.setattr(services, "LARGE", 1024)
    hub = Hub(root)
    thread = threading.Thread(target=hub.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield hub
    hub.server.shutdown()
    thread.join()
    hub.server.server_close()
    services.repositories.cache_clear()
