"""Reads a server's metrics, again and again, and keeps the lines that are wanted.

On a node it is a part of the program there; beside a benchmark it runs in a process of its own, so that neither asking
nor reading takes anything from the loop that measures. It imports the standard library only.
"""

from __future__ import annotations

import json
import os
import select
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import http.client
    from collections.abc import Collection, Mapping

EVERY_S = 1.0
"""Between two readings, in seconds."""
PATIENCE_S = 2.0
"""Longest silence of the server inside an answer, in seconds."""
MOST = 8 << 20
"""Bytes of an answer; vLLM with several engines has some 200,000."""
COMMANDS = 4096
PATH = "/metrics"
OK = 200
MOVED = (307, 308)
"""vLLM before 0.6 sends who asks for the path without a slash at its end to the one with it."""
FINAL = (401, 403, 404, 405, 501)
"""Asking again changes nothing."""
BUCKET = "_bucket"


class RefusedError(Exception):
    """The server has no metrics, or none for us; asking again is of no use."""


class Server:
    """A server that is asked over a connection which is kept.

    Args:
        url: Without user or password; what is asked for is below its path.
        headers: What authorizes a request.
        patience_s: Longest silence inside an answer, in seconds.
    """

    def __init__(self, url: str, headers: Mapping[str, str], patience_s: float = PATIENCE_S) -> None:
        parts = urlsplit(url)
        self._secure, self._netloc, self._below = parts.scheme == "https", parts.netloc, parts.path.rstrip("/")
        self._headers = {"Accept": "text/plain;version=0.0.4, */*;q=0.1", "Accept-Encoding": "identity", **headers}
        self._patience_s = patience_s
        self._connection: http.client.HTTPConnection | None = None

    def get(self, path: str) -> tuple[int, str, str]:
        """Status, ``Location`` and text; once more over a new connection if the kept one was closed meanwhile.

        Raises:
            OSError: it does not answer, or not with HTTP.
        """
        import http.client

        kept = self._connection is not None
        try:
            try:
                return self._exchange(path)
            except ConnectionError:
                self.close()
                if not kept:
                    raise
                return self._exchange(path)
        except http.client.HTTPException as error:
            self.close()
            raise OSError(f"its answer is not HTTP ({type(error).__name__})") from error
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """End the connection; the next request opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _exchange(self, path: str) -> tuple[int, str, str]:
        import http.client

        if self._connection is None:
            kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
            self._connection = kind(self._netloc, timeout=self._patience_s)
        self._connection.request("GET", self._below + path, headers=self._headers)
        response = self._connection.getresponse()
        body = response.read(MOST + 1)
        if len(body) > MOST:
            raise OSError(f"it sends more than {MOST} bytes")
        return response.status, response.headers.get("Location") or "", body.decode("utf-8", "replace")


class Source:
    """One server's metrics.

    Args:
        server: Whose.
        names: Which are wanted, as they are called in the text, without ``_bucket``, ``_sum`` or ``_count``.
    """

    def __init__(self, server: Server, names: Collection[str]) -> None:
        self._server, self._path = server, PATH
        self._names = frozenset(name + end for name in names for end in ("", BUCKET, "_sum", "_count"))

    def read(self, *, buckets: bool = True) -> str:
        """The wanted lines now; histograms' buckets only with ``buckets``.

        Raises:
            RefusedError: it has none for us.
            OSError: it does not answer, or with something else.
        """
        status, location, text = self._server.get(self._path)
        if status in MOVED and urlsplit(location).path.endswith(PATH + "/"):
            self._path = PATH + "/"
            status, _, text = self._server.get(self._path)
        if status in FINAL:
            raise RefusedError(f"it answers {self._path} with {status}")
        if status != OK:
            raise OSError(f"it answers {self._path} with {status}")
        return self._wanted(text, buckets)

    def close(self) -> None:
        """End the connection."""
        self._server.close()

    def _wanted(self, text: str, buckets: bool) -> str:
        kept = []
        for line in text.split("\n"):
            name = line.partition("{")[0].partition(" ")[0]
            if name in self._names and (buckets or not name.endswith(BUCKET)):
                kept.append(line)
        return "\n".join(kept) + "\n"


def reading(source: Source, *, buckets: bool) -> dict[str, Any]:
    """One reading: when, by this machine's ``time.perf_counter_ns``, and the ``text`` or the ``failure``.

    The time is the middle between asking and the answer's end. ``final`` says that asking again is of no use.
    """
    began = time.perf_counter_ns()
    found: dict[str, Any] = {}
    try:
        found["text"] = source.read(buckets=buckets)
    except RefusedError as error:
        found.update(failure=str(error), final=True)
    except OSError as error:
        silent = isinstance(error, TimeoutError) or str(error) == "timed out"  # a class of its own before Python 3.10
        found["failure"] = f"it was silent for {PATIENCE_S:g} s" if silent else str(error) or type(error).__name__
    ended = time.perf_counter_ns()
    return {"at_ns": (began + ended) // 2, **found}


def version_of(server: Server, path: str) -> str:
    """What it says that its version is, as ``version`` of a JSON object; empty where it does not say."""
    try:
        status, _, text = server.get(path)
        said = json.loads(text) if status == OK else {}
    except (OSError, ValueError):
        return ""
    return str(said.get("version") or "") if isinstance(said, dict) else ""


def beside(source: Source, log: int, commands: int, answers: int) -> None:
    """Read every second, and at once for each byte of ``commands``, which is answered by one.

    Until the end of the commands, or until it shows that there is nothing to read.

    Args:
        source: What is read.
        log: File descriptor that the readings are written to, one JSON object a line.
        commands: File descriptor of a pipe.
        answers: The same; a byte says that the reading which was asked for is in the log.
    """
    last = 0.0
    while True:
        wait_s = max(0.0, last + EVERY_S - time.monotonic())
        asked = os.read(commands, COMMANDS) if select.select([commands], [], [], wait_s)[0] else None
        if asked == b"":
            return
        last = time.monotonic()
        found = reading(source, buckets=asked is not None)
        os.write(log, json.dumps(found).encode() + b"\n")
        if found.get("final"):
            return
        if asked:
            os.write(answers, asked)
