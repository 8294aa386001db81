"""One way to open HTTP to an endpoint: own timeouts, the key, and no proxy in front of this machine."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from zephyr_deploy.endpoint.errors import error_of
from zephyr_deploy.endpoint.faults import CONNECT_S, cut, silent, too_late, unreachable
from zephyr_deploy.endpoint.loopback import is_loopback
from zephyr_deploy.endpoint.sse import SseParser
from zephyr_deploy.endpoint.userinfo import without_user
from zephyr_deploy.errors import RequestError, UsageError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

    import httpx

    from zephyr_deploy.endpoint.types import Endpoint

SILENCE_S = 45.0
"""Longest silence inside a stream, in seconds: three of TGI's keep-alive comments, which come every 15 s."""
DEADLINE_S = 600.0
"""Longest time for one whole request, in seconds."""


def open_client(endpoint: Endpoint, *, read_s: float) -> httpx.Client:
    """A client for ``endpoint`` that waits at most ``read_s`` seconds for the next byte."""
    import httpx

    return httpx.Client(
        base_url=endpoint.url,
        headers=endpoint.headers(),
        timeout=patience(read_s),
        # A proxy set for the internet is no way to this machine.
        trust_env=not is_loopback(endpoint.url),
    )


def ask(client: httpx.Client, path: str, body: Mapping[str, Any] | None = None) -> Any:
    """The JSON that the endpoint answers: to a GET, or to a POST of ``body``; None where the answer is empty.

    Raises:
        UnreachableError, DeadlineError, IncompleteError, UsageError: as `our_errors`.
        RequestError: refused, or not JSON; the subclass says which.
    """
    with our_errors(str(client.base_url).rstrip("/")):
        response = client.get(path) if body is None else client.post(path, json=body)
    if not response.is_success:
        raise error_of(response.status_code, response.content)
    if not response.content.strip():
        return None
    try:
        return response.json()
    except ValueError as error:
        raise RequestError(
            f"the answer of {path} is not JSON: {response.text[:80]!r}", error_type="malformed"
        ) from error


def stream(
    client: httpx.Client, path: str, body: Mapping[str, Any], *, deadline_s: float
) -> Generator[str, None, None]:
    """The data of each event that the endpoint answers to a POST of ``body``. Closing the iterator ends the request.

    Keep-alive comments end a silence and do not extend the deadline.

    Raises:
        UnreachableError, IncompleteError, UsageError: as `our_errors`.
        DeadlineError: silent for `SILENCE_S`, or not complete after ``deadline_s``, both in seconds.
        RequestError: refused; the subclass says which.
    """
    parser, start = SseParser(), time.monotonic()
    timeout = patience(min(SILENCE_S, deadline_s))
    with (
        our_errors(str(client.base_url).rstrip("/")),
        client.stream("POST", path, json=body, timeout=timeout) as response,
    ):
        if not response.is_success:
            raise error_of(response.status_code, response.read())
        for piece in response.iter_bytes():
            yield from parser.feed(piece)
            if time.monotonic() - start > deadline_s:
                raise too_late(deadline_s)
        yield from parser.end()


def patience(read_s: float) -> httpx.Timeout:
    """Wait at most ``read_s`` seconds for the next byte, and never longer than `CONNECT_S` for a connection."""
    import httpx

    return httpx.Timeout(read_s, connect=min(CONNECT_S, read_s))


@contextmanager
def our_errors(url: str) -> Iterator[None]:
    """Turn what httpx raises in the body into our errors.

    Raises:
        UnreachableError: no connection to ``url``.
        DeadlineError: the server was silent for too long.
        IncompleteError: the connection broke inside an answer.
        UsageError: ``url`` is no URL.
    """
    import httpx

    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise unreachable(url, error) from error
    except httpx.TimeoutException as error:
        raise silent(url) from error
    except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError) as error:
        raise cut(error) from error
    except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
        raise UsageError(
            f"{without_user(url)} is not a URL", hint="Give it as http://host:port or https://host."
        ) from error
    except httpx.HTTPError as error:
        raise RequestError(f"the request broke: {error}", error_type="broken") from error
