"""Faults that a test has ordered: for whom, for which paths, and what goes wrong."""

from __future__ import annotations

import dataclasses
import itertools
import re
import threading
from dataclasses import dataclass, field


@dataclass
class Fault:
    """What goes wrong with requests that match; the parts combine (slow and then cut)."""

    service: str
    """``registry`` or ``hub``."""
    client: str | None = None
    """Address of the node that it is meant for; None: everybody, so only for tests that run alone."""
    path: str = ""
    """Regular expression, found anywhere in the path."""
    method: str | None = None
    status: int | None = None
    """Answer with this status instead."""
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    delay_s: float = 0.0
    """Wait so long before answering."""
    rate: int | None = None
    """Bytes a second of the content."""
    cut_after: int | None = None
    """Break the connection after so many bytes of content."""
    hang: bool = False
    """Accept and never answer."""
    times: int | None = None
    """How many requests it hits; None: all."""

    def hits(self, service: str, client: str, method: str, path: str) -> bool:
        """Whether a request is meant."""
        return (
            self.service == service
            and self.client in {None, client}
            and self.method in {None, method}
            and re.search(self.path, path) is not None
            and self.times != 0
        )


class Book:
    """The faults in force, and what has been asked; for many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: dict[int, Fault] = {}
        self._numbers = itertools.count(1)
        self._requests: list[dict[str, object]] = []

    def add(self, order: dict[str, object]) -> int:
        """Put a fault in force; its number."""
        fault = Fault(**order)  # type: ignore[arg-type]
        re.compile(fault.path)
        with self._lock:
            number = next(self._numbers)
            self._faults[number] = fault
            return number

    def remove(self, number: int) -> None:
        """End a fault; one that is not there has ended already."""
        with self._lock:
            self._faults.pop(number, None)

    def match(self, service: str, client: str, method: str, path: str) -> Fault | None:
        """The first fault that hits a request; this counts as a hit."""
        with self._lock:
            for fault in self._faults.values():
                if fault.hits(service, client, method, path):
                    if fault.times is not None:
                        fault.times -= 1
                    return dataclasses.replace(fault)
        return None

    def note(self, **request: object) -> None:
        """Remember a request."""
        with self._lock:
            self._requests.append(request)

    def requests(self, client: str) -> list[dict[str, object]]:
        """What one node has asked, oldest first."""
        with self._lock:
            return [request for request in self._requests if request["client"] == client]
