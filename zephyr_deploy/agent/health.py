"""Whether the engine on this node works: its health route, and one real generation."""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from typing import Any

OK = 200
GENERATE_S = 60.0
"""Longest wait for one generation, in seconds, unless somebody knows better."""
LISTENS = "0A"
"""State of a socket in proc(5)'s ``net/tcp``."""


class Answer:
    """What came back; ``status`` is 0 where nothing did, and ``text`` then says why."""

    def __init__(self, status: int, text: str) -> None:
        self.status = status
        self.text = text

    @property
    def ok(self) -> bool:
        """Whether it was a success."""
        return self.status == OK

    def said_of(self, path: str, most: int) -> str:
        """The answer in a line: the path that was asked, the status if one came, and of the text so many characters."""
        return " ".join([f"{path}:", *([str(self.status)] if self.status else []), self.text[:most]]).strip()


def ask(port: int, method: str, path: str, body: str = "", *, timeout_s: float = 5.0) -> Answer:
    """One request to a port of the loopback interface; never raises for what comes of it."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    headers = {"Content-Type": "application/json"} if body else {}
    try:
        connection.request(method, path, body or None, headers)
        response = connection.getresponse()
        return Answer(response.status, response.read(1 << 20).decode(errors="replace"))
    except (OSError, http.client.HTTPException) as error:
        return Answer(0, str(error) or type(error).__name__)
    finally:
        connection.close()


def listens(port: int) -> bool:
    """Whether any program of this machine listens at that TCP port, by the kernel's own table: nobody is asked."""
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        rows = [line.split() for line in table.read_text().splitlines()[1:]] if table.exists() else []
        if any(row[3] == LISTENS and int(row[1].rpartition(":")[2], 16) == port for row in rows):
            return True
    return False


def generates(port: int, check: dict[str, Any], timeout_s: float) -> str:
    """Have the engine generate; empty when it did, else why not.

    Args:
        port: Of the loopback interface.
        check: ``health`` (path), ``path`` and ``body`` of a request that generates.
        timeout_s: Longest wait for each of the two answers, in seconds.
    """
    health = ask(port, "GET", check["health"], timeout_s=min(timeout_s, 10.0))
    if not health.ok:
        return health.said_of(check["health"], 200)
    answer = ask(port, "POST", check["path"], json.dumps(check["body"]), timeout_s=timeout_s)
    return "" if answer.ok else answer.said_of(check["path"], 300)
