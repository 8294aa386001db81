"""Endpoints on this machine: no TLS and no proxy is between, so that Python's own client will do, which starts fast."""

from __future__ import annotations

import json
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from zephyr_deploy.endpoint.errors import error_of
from zephyr_deploy.endpoint.faults import cut, silent, unreachable
from zephyr_deploy.endpoint.loopback import is_loopback
from zephyr_deploy.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from zephyr_deploy.endpoint.types import Endpoint


class Ask(Protocol):
    """See `zephyr_deploy.endpoint.http.ask`."""

    def __call__(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The JSON of the answer to a GET, or to a POST of ``body``; None where it is empty."""


def is_plain(url: str) -> bool:
    """Whether Python's own client can ask it."""
    address = urlsplit(url)
    try:
        address.port  # noqa: B018 - it is looked at here
    except ValueError:
        return False
    return address.scheme == "http" and address.username is None and is_loopback(url)


@contextmanager
def opened(endpoint: Endpoint, *, read_s: float) -> Iterator[Ask]:
    """What asks this endpoint, over connections that are closed with the body.

    For others than those of this machine it is httpx, which takes a tenth of a second to import and to make ready.
    """
    if not is_plain(endpoint.url):
        from zephyr_deploy.endpoint.http import ask, open_client

        with open_client(endpoint, read_s=read_s) as client:
            yield lambda path, body=None: ask(client, path, body)
        return
    address = urlsplit(endpoint.url)
    connection = HTTPConnection(address.hostname or "", address.port, timeout=read_s)
    with closing(connection):
        yield lambda path, body=None: _asked(connection, endpoint, path, body)


def _asked(connection: HTTPConnection, endpoint: Endpoint, path: str, body: Mapping[str, Any] | None) -> Any:
    """The JSON of the answer; None where that is empty.

    Raises:
        UnreachableError: no connection.
        DeadlineError: silent for too long.
        IncompleteError: the connection broke inside the answer.
        RequestError: refused, or not JSON; the subclass says which.
    """
    try:
        connection.connect()
    except OSError as error:
        raise unreachable(endpoint.url, error) from error
    try:
        headers = {**endpoint.headers(), "Content-Type": "application/json", "Connection": "close"}
        data = None if body is None else json.dumps(body)
        connection.request("GET" if body is None else "POST", urlsplit(endpoint.url).path + path, data, headers)
        answer = connection.getresponse()
        said = answer.read()
    except TimeoutError as error:
        raise silent(endpoint.url) from error
    except (OSError, HTTPException) as error:
        raise cut(error) from error
    finally:
        connection.close()
    if answer.status // 100 != 2:  # noqa: PLR2004
        raise error_of(answer.status, said)
    return _parsed(said, path)


def _parsed(body: bytes, path: str) -> Any:
    if not body.strip():
        return None
    try:
        return json.loads(body)
    except ValueError as error:
        said = body[:80].decode(errors="replace")
        raise RequestError(f"the answer of {path} is not JSON: {said!r}", error_type="malformed") from error
